"""The page that compares two ranges: its numbers are those of /api/compare, and both of its ranges stand in the address."""

import csv
import io
from datetime import date, timedelta
from typing import Any

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import answer, column, few_days, panel, query_of
from tests.flow.conftest import Stack

ONLY_READS = True


def length(first: date, last: date) -> timedelta:
    return last - first + timedelta(days=1)


def address(**more: str) -> str:
    first, last = few_days()
    return "/compare?" + "&".join(f"{name}={value}" for name, value in {"from": first, "to": last, **more}.items())


def compared(stack: Stack, group: str, compare: str = "previous") -> Any:
    first, last = few_days()
    return answer(stack, "/api/compare", start_date=first, end_date=last, compare=compare, group_by=group)


def row_of(page: Any, title: str, name: str) -> list[str]:
    cells = panel(page, title).locator("tbody tr").filter(has_text=name).first.locator("td").all_inner_texts()
    return [cell.strip() for cell in cells]


def test_totals_and_groups_are_those_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    totals = {each["measure"]: each for each in compared(stack, "project")["totals"]}
    projects = list(dict.fromkeys(each["project_name"] for each in compared(stack, "project")["items"] if each["measure"] == "cost_usd"))
    tools = [each for each in compared(stack, "tool")["items"] if each["measure"] == "calls"]

    page = open_page(address(), timezone_id="UTC")

    calls = totals["tool_calls"]
    assert calls["before"] > 0
    expect(panel(page, "In all").locator("tbody tr").first).to_be_visible()
    _, now, before, difference, change = row_of(page, "In all", "Tool calls")
    assert (now, before) == (f"{calls['value']:,}", f"{calls['before']:,}")
    assert difference == f"{calls['difference']:+,}".replace("-", "−")
    assert change[0] == ("▲" if calls["difference"] > 0 else "▼")
    assert column(panel(page, "By project").locator("table"), 1) == projects
    expect(panel(page, "By tool").locator("tbody tr").first).to_contain_text(tools[0]["tool_name"])


def test_rate_differs_by_points(open_page: OpenPage, stack: Stack) -> None:
    totals = {each["measure"]: each for each in compared(stack, "project")["totals"]}
    now, before = (totals["tool_errors"][when] / totals["tool_calls"][when] for when in ("value", "before"))

    page = open_page(address(), timezone_id="UTC")

    expect(panel(page, "In all").locator("tbody tr").first).to_be_visible()
    change = row_of(page, "In all", "Error rate")[4]
    assert change == (
        f"{'▲' if now > before else '▼'} {abs(now - before) * 100:.1f} points" if abs(now - before) >= 0.0005 else "as before"
    )


def test_nothing_before_is_said_and_has_no_arrow(open_page: OpenPage) -> None:
    page = open_page(address(compare="2001-01-01..2001-01-03"), timezone_id="UTC")

    expect(page.get_by_text("Nothing happened on 1–3 Jan 2001, so there is nothing to compare with.")).to_be_visible()
    expect(panel(page, "By tool").locator("tbody tr").first).to_be_visible()
    assert not set("▲▼") & set(page.locator("main").inner_text())


def test_a_month_is_compared_with_the_one_before_it_whatever_today_is(open_page: OpenPage) -> None:
    page = open_page("/compare?from=2026-03-01&to=2026-03-31", timezone_id="UTC")
    choices = page.get_by_role("group", name="Compared with").get_by_role("link")

    expect(choices).to_have_text(["The month before", "A year earlier"])
    expect(page.locator(".compare-ranges")).to_contain_text("(31 days) against 1–28 Feb")
    expect(page.locator(".compare-ranges")).to_contain_text("(28 days): unequal numbers of days")

    choices.last.click()

    expect(page.get_by_label("First day before")).to_have_value("2025-03-01")
    expect(page.get_by_label("Last day before")).to_have_value("2025-03-31")
    expect(page.locator(".compare-ranges")).not_to_contain_text("unequal")


def test_both_ranges_are_chosen_by_hand_and_back_undoes_it(open_page: OpenPage) -> None:
    first, last = few_days()
    page = open_page(f"/usage?from={first}&to={last}", timezone_id="UTC")
    page.get_by_role("link", name="Compare", exact=True).last.click()
    expect(page).to_have_title("Compare – Claude Code Tracker")
    assert query_of(page) == {"from": str(first), "to": str(last)}
    expect(page.get_by_label("First day before")).to_have_value(str(first - length(first, last)))

    page.get_by_label("First day before").fill("2024-02-01")
    page.wait_for_url("**compare=2024-02-01**")
    assert query_of(page)["compare"].startswith("2024-02-01..")
    page.go_back()
    assert "compare" not in query_of(page)

    page.get_by_label("The day that divides before from now").fill(str(first))
    page.wait_for_url("**compare=**")
    assert query_of(page) == {
        "from": str(first),
        "to": str(last),
        "compare": f"{first - length(first, last)}..{first - timedelta(days=1)}",
    }


def test_second_range_that_is_none_is_said(open_page: OpenPage) -> None:
    page = open_page(address(compare="yesterday"), timezone_id="UTC")

    expect(page.get_by_role("alert")).to_contain_text("“yesterday” is not a range of days.")
    expect(panel(page, "In all").locator("tbody tr").first).to_be_visible()


def test_groups_are_chosen_in_the_address(open_page: OpenPage) -> None:
    page = open_page(address(by="tool"), timezone_id="UTC")
    expect(panel(page, "By tool")).to_be_visible()
    expect(panel(page, "By project")).to_have_count(0)

    page.get_by_role("link", name="Branch", exact=True).click()

    expect(panel(page, "By branch")).to_be_visible()
    assert query_of(page)["by"] == "tool,branch"


def test_csv_has_the_rows_of_the_table(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(address(by="project"), timezone_id="UTC")
    link = panel(page, "By project").get_by_role("link", name="CSV", exact=True)

    rows = list(csv.DictReader(io.StringIO(stack.http.get(link.get_attribute("href") or "").text)))

    shown = [row for row in rows if row["measure"] == "cost_usd"]
    assert [row["project_name"] for row in shown] == column(panel(page, "By project").locator("table"), 1)
    assert {(row["measure"], row["project_name"]) for row in rows} >= {("active_minutes", shown[0]["project_name"])}

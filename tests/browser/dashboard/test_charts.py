"""Charts over time: each bar is a link, keys walk over them, empty ends are not drawn, and the table behind a chart is complete."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage, origin_of
from tests.browser.dashboard.test_every_page import settled
from tests.browser.dashboard.test_number_pages import answer, column, number, panel, query_of
from tests.flow.conftest import Stack

ONLY_READS = True

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()


def days_with_calls(stack: Stack) -> list[date]:
    points = answer(stack, "/api/stats", interval="day")["time_series"]
    return [date.fromisoformat(point["date"]) for point in points if point["tool_calls"]]


def point_at(chart: Any, index: int, dates: int) -> None:
    """Moves the pointer over the bar in this place of so many."""
    chart.locator(".plot").scroll_into_view_if_needed()
    box = chart.locator(".plot-grid").first.bounding_box()
    over = chart.locator(".plot").bounding_box()
    chart.page.mouse.move(box["x"] + (index + 0.5) * box["width"] / dates, over["y"] + over["height"] / 2)


def short(day: date) -> str:
    """As the dashboard writes a day: with its year where that is not this one."""
    return f"{day.day} {day:%b}" + ("" if day.year == TODAY.year else f" {day.year}")


def test_bar_of_a_day_leads_to_what_was_done_on_it(open_page: OpenPage, stack: Stack) -> None:
    points = answer(stack, "/api/stats", interval="day")["time_series"]
    busiest = max(points, key=lambda point: point["tool_calls"])
    page = open_page("/overview?range=all&series=tool_calls&interval=day", timezone_id="UTC", locale="en-GB")
    settled(page)
    chart = panel(page, "Over time")

    point_at(chart, points.index(busiest), len(points))

    expect(chart.locator(".plot-tip")).to_contain_text(short(date.fromisoformat(busiest["date"])))
    expect(chart.locator(".plot-tip")).to_contain_text(f"Tool calls: {busiest['tool_calls']:,}")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url(f"**/days/{busiest['date']}")
    page.go_back()
    expect(chart.locator(".plot-over")).to_be_visible()


def test_bar_of_a_week_leads_to_its_days_on_the_same_page(open_page: OpenPage, stack: Stack) -> None:
    weeks = answer(stack, "/api/stats", interval="week")["time_series"]
    page = open_page(f"/overview?from={days_with_calls(stack)[0] - 30 * DAY}&to={TODAY}&interval=week", timezone_id="UTC")
    settled(page)
    chart = panel(page, "Over time")

    chart.locator(".plot-over").focus()
    page.keyboard.press("Home")
    while weeks[0]["date"] not in (chart.locator(".plot-over").get_attribute("href") or ""):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")

    monday = date.fromisoformat(weeks[0]["date"])
    page.wait_for_url(f"**/overview?from={monday}&to={monday + 6 * DAY}")


def test_arrow_keys_walk_over_the_bars_and_enter_follows(open_page: OpenPage, stack: Stack) -> None:
    points = answer(stack, "/api/stats", interval="day")["time_series"]
    page = open_page("/overview?range=all&series=tool_calls&interval=day", timezone_id="UTC", locale="en-GB")
    settled(page)
    chart = panel(page, "Over time")
    link = chart.locator(".plot-over")

    link.focus()
    expect(chart.locator(".plot-tip")).to_contain_text(f"Tool calls: {points[-1]['tool_calls']:,}")
    page.keyboard.press("ArrowLeft")

    expect(chart.locator(".plot-tip")).to_contain_text(short(date.fromisoformat(points[-2]["date"])))
    expect(link).to_have_attribute("aria-label", re.compile(f"Tool calls {points[-2]['tool_calls']:,}"))
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/days/{points[0]['date']}")


def test_bar_of_a_project_leads_to_the_day_of_that_project(open_page: OpenPage, stack: Stack) -> None:
    project = answer(stack, "/api/projects")[0]["id"]
    page = open_page(f"/projects/{project}?range=all&interval=day", timezone_id="UTC")
    settled(page)

    page.locator(".plot-over").focus()
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile(rf"/days/\d{{4}}-\d\d-\d\d\?project={project}$"))


def test_first_tap_of_a_finger_shows_the_numbers_and_the_second_follows(open_page: OpenPage) -> None:
    page = open_page("/overview?range=all&interval=day", timezone_id="UTC", has_touch=True, viewport={"width": 390, "height": 844})
    settled(page)
    over = panel(page, "Over time").locator(".plot-over")

    over.tap()
    expect(page.locator(".plot-tip")).to_be_visible()
    assert "/overview" in page.url
    over.tap()

    page.wait_for_url("**/days/*")


@pytest.mark.parametrize(
    ("path", "title"),
    [("/overview?series=tool_calls", "Over time"), ("/tools", "Calls over time"), ("/usage?measure=api_calls", "API calls over time")],
)
def test_year_is_drawn_from_the_first_to_the_last_day_with_anything(open_page: OpenPage, stack: Stack, path: str, title: str) -> None:
    days = days_with_calls(stack)
    page = open_page(f"{path}{'&' if '?' in path else '?'}range=365d&interval=day", timezone_id="UTC", locale="en-GB")
    settled(page)
    chart = panel(page, title)

    expect(chart.locator(".chart-note")).to_have_text(
        f"Drawn from {short(days[0])} to {short(days[-1])}; the rest of the range has nothing to draw."
    )
    chart.locator(".plot-over").focus()
    page.keyboard.press("Home")
    expect(chart.locator(".plot-over")).to_have_attribute("href", f"/days/{days[0]}")
    chart.get_by_role("button", name="Table").click()

    expect(chart.locator("tbody tr")).to_have_count(365)


def test_year_with_a_week_of_data_opens_by_day(open_page: OpenPage) -> None:
    page = open_page("/overview?range=365d", timezone_id="UTC")
    settled(page)

    expect(panel(page, "Over time").get_by_role("button", name="Day", exact=True)).to_have_attribute("aria-pressed", "true")


def test_table_has_the_groups_that_the_chart_draws_together(open_page: OpenPage, own_stack: Stack) -> None:
    # Given seven models, of which the chart draws five, and two as others
    at = datetime.combine(TODAY - DAY, datetime.min.time(), UTC) + timedelta(hours=12)
    tokens = {f"model-{index}": 1_000 * index for index in range(1, 8)}
    session = {"session_id": "seven", "project_path": "/home/ann/shop"}
    events: list[dict[str, Any]] = [session | {"type": "session_start", "start_time": at.isoformat()}]
    for model, count in tokens.items():
        usage = {"input_tokens": 0, "output_tokens": count}
        said = {"type": "conversation", "session_id": "seven", "role": "assistant", "content": "Done.", "timestamp": at.isoformat()}
        events.append(said | {"model": model, "usage": usage})
    answered = own_stack.http.post("/api/events", json=events, headers={"Prefer": "wait=30"}).json()
    assert answered["accepted"] == len(events), answered

    page = open_page("/usage?range=30d&measure=total_tokens&by=model", of=origin_of(own_stack), timezone_id="UTC")
    settled(page)
    chart = panel(page, "Tokens over time")
    assert chart.locator(".legend").all_inner_texts()[-1] == "2 others"
    chart.get_by_role("button", name="Table").click()

    heads = chart.locator("thead th").all_inner_texts()[1:]
    sums = {name: sum(number(text) for text in column(chart, place + 2) if text != "–") for place, name in enumerate(heads)}
    assert sums == {"All": sum(tokens.values())} | tokens
    expect(chart.locator("tbody tr")).to_have_count(30)


def test_year_map_and_week_map_have_tables(open_page: OpenPage, stack: Stack) -> None:
    usage = answer(stack, "/api/usage", group_by="day")["items"]
    cells = answer(stack, "/api/stats")["heatmap"]
    page = open_page("/overview?range=all", timezone_id="UTC", locale="en-GB")
    settled(page)
    year, week = panel(page, "A year"), panel(page, "Weekday and hour")

    for each in (year, week):
        each.get_by_role("button", name="Table").click()

    assert column(year, 1) == [short(date.fromisoformat(item["day"])) for item in reversed(usage)]
    calls = year.locator("thead th").all_inner_texts().index("Tool calls") + 1
    assert [int(number(text)) for text in column(year, calls)] == [item["tool_calls"] for item in reversed(usage)]
    expect(week.locator("tbody tr")).to_have_count(len(cells))
    shown = [text for text in column(week, 3) if text != "nothing"]
    assert len(shown) == len([cell for cell in cells if cell["active_minutes"]])


def test_chart_of_two_colour_schemes_has_the_colours_of_each(open_page: OpenPage) -> None:
    page = open_page("/overview?range=all", timezone_id="UTC", color_scheme="light")
    settled(page)
    bars = panel(page, "Over time").locator(".plot-bars")
    fill = "bars => getComputedStyle(bars).fill"
    light = bars.evaluate(fill)

    page.emulate_media(color_scheme="dark")

    assert bars.evaluate(fill) != light


def test_dragged_days_are_chosen_also_where_the_chart_is_cut(open_page: OpenPage, stack: Stack) -> None:
    days = days_with_calls(stack)
    drawn = (days[-1] - days[0]).days + 1
    page = open_page("/overview?range=365d&series=tool_calls&interval=day", timezone_id="UTC")
    settled(page)
    page.wait_for_load_state("networkidle")
    chart = panel(page, "Over time")

    point_at(chart, 1, drawn)
    page.mouse.down()
    point_at(chart, 3, drawn)
    page.mouse.up()

    page.wait_for_url("**from=*")
    assert (query_of(page)["from"], query_of(page)["to"]) == (str(days[0] + DAY), str(days[0] + 3 * DAY))

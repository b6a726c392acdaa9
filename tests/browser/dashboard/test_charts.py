"""Charts over time: each bar is a link, keys walk over them, empty ends are not drawn, and the table behind a chart is complete."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage, origin_of
from tests.browser.dashboard.parts_of_pages import answer, column, number, panel, query_of, settled
from tests.flow.conftest import REPOSITORY, Stack

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


def span(first: date, last: date) -> str:
    """As the dashboard writes days: "1–31 Mar"."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{short(last)}"
    return f"{f'{first.day} {first:%b}' if first.year == last.year else short(first)}–{short(last)}"


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

    expect(chart.locator(".chart-note")).to_have_text(f"Drawn: {span(days[0], days[-1])}. The rest of the range has nothing.")
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


def reasons(page: Any) -> dict[str, Any]:
    """The rows of the reasons, by the name of the reason."""
    rows = page.get_by_role("region", name="Reasons by calls").locator("tbody tr")
    rows.first.wait_for()
    return {row.locator("td").first.inner_text(): row for row in rows.all()}


def test_reasons_have_their_course_and_the_period_before(open_page: OpenPage, stack: Stack) -> None:
    # Given three days with failed calls, and three before them: they begin no month and no week
    first = next(day for day in (TODAY - ago * DAY for ago in (2, 3, 4)) if day.day != 1 and day.weekday() != 0)
    last = first + 2 * DAY
    periods = [{"start_date": first, "end_date": last}, {"start_date": first - 3 * DAY, "end_date": first - DAY}]
    now, before = (answer(stack, "/api/tool-calls/errors", interval="day", **period) for period in periods)
    calls, calls_before = (answer(stack, "/api/tool-calls/stats", **period)["total_calls"] for period in periods)
    label = {name: each["label"] for name, each in json.loads((REPOSITORY / "shared/terms.json").read_text())["error_classes"].items()}
    was = {each["error_class"]: each["calls"] for each in before["classes"]}
    assert now["classes"] and calls_before

    page = open_page(f"/tools?from={first}&to={last}", timezone_id="UTC")
    settled(page)
    shown = reasons(page)

    assert list(shown) == [label[name] for name in dict.fromkeys([each["error_class"] for each in now["classes"]] + list(was))]
    for each in now["classes"]:
        cells = shown[label[each["error_class"]]].locator("td")
        assert cells.nth(1).locator("path").get_attribute("d").count("M") == sum(1 for count in each["calls_over_time"] if count)
        assert number(cells.nth(2).inner_text()) == each["calls"]
        changed = cells.nth(3).locator(".tile-change")
        if was.get(each["error_class"], 0) == each["calls"]:
            assert changed.inner_text() == "as before"
        else:
            assert changed.get_attribute("title") == f"The 3 days before: {was.get(each['error_class'], 0)}"
        rate = each["calls"] / calls
        assert number(cells.nth(4).inner_text()) == pytest.approx(rate * 100, abs=0.5)


def test_reasons_have_no_change_where_nothing_was_before(open_page: OpenPage) -> None:
    page = open_page("/tools?range=90d", timezone_id="UTC")
    settled(page)
    reasons(page)

    assert page.locator("main .tile-change").count() == 0
    assert page.get_by_role("columnheader", name="Change").count() == 0


def test_chosen_reason_has_a_chart_with_its_table(open_page: OpenPage, stack: Stack) -> None:
    found = answer(stack, "/api/tool-calls/errors", interval="day")["classes"][-1]
    page = open_page(f"/tools?range=all&interval=day&error={found['error_class']}", timezone_id="UTC")
    settled(page)
    chosen = panel(page, "The chosen reason")

    chosen.get_by_role("button", name="Table").click()

    assert [int(number(text)) for text in reversed(column(chosen, 2))] == found["calls_over_time"]


@pytest.mark.parametrize("name", ["overview", "tools", "usage"])
def test_chart_comes_first_on_a_phone(open_page: OpenPage, name: str) -> None:
    page = open_page(f"/{name}?range=all", timezone_id="UTC", viewport={"width": 390, "height": 844})
    settled(page)

    chart, tiles = (page.locator(each).first.bounding_box() for each in (".plot", ".tiles"))

    assert chart["y"] + chart["height"] <= min(tiles["y"], 844)
    page.get_by_label("Range of days").select_option("This month")
    assert query_of(page) == {"range": "month"}


def test_times_say_of_how_many_calls_they_are(open_page: OpenPage, own_stack: Stack, stack: Stack) -> None:
    # Given two calls whose duration was measured, and one of which no duration is known
    at = datetime.combine(TODAY - DAY, datetime.min.time(), UTC) + timedelta(hours=12)
    ran = {"type": "tool_call", "session_id": "timed", "tool_name": "Bash", "result_status": "success", "timestamp": at.isoformat()}
    events: list[dict[str, Any]] = [
        {"type": "session_start", "session_id": "timed", "project_path": "/home/ann/shop", "start_time": at.isoformat()},
        ran | {"execution_time_ms": 1_000},
        ran | {"execution_time_ms": 3_000},
        ran,
    ]
    answered = own_stack.http.post("/api/events", json=events, headers={"Prefer": "wait=30"}).json()
    assert answered["accepted"] == len(events), answered

    page = open_page("/tools?range=30d", of=origin_of(own_stack), timezone_id="UTC")
    times = panel(page, "How long calls took")

    times.locator(".plot-over").focus()
    expect(times.locator(".plot-tip")).to_contain_text("Measured calls: 2")
    expect(times.locator(".panel-about")).to_have_text("2 measured, 1 not known")
    expect(times.locator(".plot-dash")).to_have_count(0)

    # And a range of transcripts alone is drawn of estimates, which are marked
    estimated = sum(tool["estimated_calls"] for tool in answer(stack, "/api/tool-calls/stats")["tools"])
    times = panel(open_page("/tools?range=all", timezone_id="UTC"), "How long calls took")
    expect(times.locator(".panel-about")).to_contain_text(f"{estimated:,} estimated (≈)")
    expect(times.locator(".plot-dash")).to_have_count(2)
    expect(times.locator(".plot-line")).to_have_count(0)
    expect(times.locator(".chart-note").last).to_contain_text("from call to result in the transcript, waiting for a permission included")


def test_week_at_the_end_of_a_range_has_only_the_days_of_the_range(open_page: OpenPage, stack: Stack) -> None:
    # Given four weeks up to a Thursday: three days of the last week are after them
    last = days_with_calls(stack)[-1]
    thursday = last + (3 - last.weekday()) % 7 * DAY
    days = f"from={thursday - 28 * DAY}&to={thursday}"
    page = open_page(f"/overview?{days}&series=tool_calls&interval=week", timezone_id="UTC", locale="en-GB")
    settled(page)
    link = panel(page, "Over time").locator(".plot-over")

    link.focus()
    page.keyboard.press("End")

    monday = thursday - 3 * DAY
    expect(page.locator(".plot-tip")).to_contain_text(span(monday, thursday))
    expect(link).to_have_attribute("href", re.compile(f"from={monday}&to={thursday}"))

"""The pages of numbers: overview, projects, tools, usage. They show what the API answers, and each of their views is a link."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import answer, column, number, panel, query_of, tile
from tests.flow.conftest import Stack

ONLY_READS = True

# A range that has the whole made-up week, whatever the time of day.
ALL = "range=all"


def test_overview_shows_the_totals_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    totals = answer(stack, "/api/stats")["totals"]
    page = open_page(f"/overview?{ALL}", timezone_id="UTC")
    for measure in ("active_sessions", "user_messages", "tool_calls", "files_modified", "lines_added"):
        expect(tile(page, measure)).to_have_text(f"{totals[measure]:,}")
    expect(tile(page, "cost_usd")).to_have_text(f"${totals['cost_usd']:.2f}")


def test_overview_says_what_the_cache_saved_and_what_that_is(open_page: OpenPage, stack: Stack) -> None:
    totals = answer(stack, "/api/stats")["totals"]
    saved, share = totals["cache_saved_usd"], totals["cache_saved_usd"] / totals["uncached_input_usd"]
    page = open_page(f"/overview?{ALL}", timezone_id="UTC")
    said = panel(page, "Tokens and cache").locator("[data-measure=cache_saved_usd]")
    expect(said).to_have_text(f"The cache saved about ${saved:.2f}, {share:.0%} of what the input would have cost.".replace("%", " %"))
    expect(said).to_have_attribute("title", re.compile("would have cost without it, all at the price of plain input"))


def test_overview_reads_little(open_page: OpenPage) -> None:
    """Six answers for the page. The viewer, the whole history and the filters' values are read once for all pages."""
    page = open_page("/settings", timezone_id="UTC")
    page.wait_for_selector("h1")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.click("nav a[href^='/overview']")
    expect(tile(page, "active_sessions")).not_to_have_text("")
    page.wait_for_load_state("networkidle")
    shared = re.compile(r"/api/me|/api/machines|/api/usage\?group_by=(project|user|day&tz=UTC)$")
    own = [url for url in asked if "/api/" in url and not shared.search(url)]
    assert len(own) <= 6, own


def test_table_behind_the_series_has_the_numbers_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(f"/overview?{ALL}&series=tool_calls&interval=day", timezone_id="UTC")
    series = panel(page, "Over time")
    series.get_by_role("button", name="Table").click()
    points = answer(stack, "/api/stats", interval="day")["time_series"]
    expect(series.locator("tbody tr")).to_have_count(len(points))
    assert [int(number(text)) for text in column(series, 2)] == [point["tool_calls"] for point in reversed(points)]


def test_drag_over_the_series_chooses_its_days_and_back_undoes_it(open_page: OpenPage) -> None:
    page = open_page("/overview?range=30d", timezone_id="UTC")
    # The chart is drawn anew when the period before comes.
    page.wait_for_load_state("networkidle")
    plot = panel(page, "Over time").locator(".plot-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.98, middle, steps=8)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d{4}-\d\d-\d\d"))
    chosen = query_of(page)
    assert chosen["from"] < chosen["to"]
    assert "range" not in chosen
    page.reload()
    expect(page.get_by_label("First day")).to_have_value(chosen["from"])
    page.go_back()
    expect(page.locator(".range-picker [aria-current]")).to_have_text("30 days")


def test_click_on_a_project_filters_by_it_and_on_the_chosen_one_no_longer(open_page: OpenPage, stack: Stack) -> None:
    most = max(answer(stack, "/api/usage", group_by="project")["items"], key=lambda item: item["active_minutes"])
    sessions = answer(stack, "/api/stats", project_id=most["project_id"])["totals"]["active_sessions"]
    everything = answer(stack, "/api/stats")["totals"]["active_sessions"]
    page = open_page(f"/overview?{ALL}", timezone_id="UTC")
    panel(page, "Projects").get_by_role("link", name=most["project_name"], exact=True).click()
    expect(tile(page, "active_sessions")).to_have_text(str(sessions))
    assert query_of(page)["project"] == str(most["project_id"])
    panel(page, "Projects").get_by_role("link", name=most["project_name"], exact=True).click()
    expect(tile(page, "active_sessions")).to_have_text(str(everything))
    assert "project" not in query_of(page)
    page.go_back()
    expect(tile(page, "active_sessions")).to_have_text(str(sessions))


def test_day_of_the_year_is_chosen_and_let_go_of(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/overview?range=30d", timezone_id="UTC")
    days = panel(page, "A year").locator("svg a")
    days.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("from="))
    chosen = query_of(page)
    assert chosen["from"] == chosen["to"]
    totals = answer(stack, "/api/stats", start_date=chosen["from"], end_date=chosen["to"])["totals"]
    expect(tile(page, "tool_calls")).to_have_text(f"{totals['tool_calls']:,}")
    days.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "from=" not in url)


def test_switch_of_a_panel_is_a_link(open_page: OpenPage) -> None:
    page = open_page(f"/overview?{ALL}", timezone_id="UTC")
    panel(page, "Over time").get_by_role("button", name="Cost").click()
    assert query_of(page)["series"] == "cost_usd"
    page.reload()
    expect(panel(page, "Over time").get_by_role("button", name="Cost")).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(panel(page, "Over time").get_by_role("button", name="Active time")).to_have_attribute("aria-pressed", "true")


def test_top_sessions_are_those_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(f"/overview?{ALL}&top=messages_count", timezone_id="UTC")
    sessions = answer(stack, "/api/sessions", sort="messages_count", limit=8)["items"]
    rows = panel(page, "Top sessions").locator("li")
    expect(rows).to_have_count(len(sessions))
    assert [int(number(text)) for text in rows.locator(".top-value").all_inner_texts()] == [each["messages_count"] for each in sessions]
    hrefs = rows.locator("a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    assert hrefs == [f"/sessions/{each['session_id']}" for each in sessions]


def test_days_before_the_first_event_lead_to_those_with_events(open_page: OpenPage) -> None:
    page = open_page("/overview?from=2019-03-01&to=2019-03-02", timezone_id="UTC")
    note = page.locator(".note", has_text="Nothing is stored for these days")
    expect(note).to_be_visible()

    note.get_by_role("link", name="Show all of them").click()

    page.wait_for_url("**/overview?range=all")
    expect(note).to_have_count(0)
    expect(tile(page, "active_sessions")).not_to_have_text("0")


def test_usage_table_adds_up_to_the_total_of_the_api_and_csv_has_its_rows(open_page: OpenPage, stack: Stack) -> None:
    usage = answer(stack, "/api/usage", group_by="model")
    page = open_page(f"/usage?{ALL}&interval=day", timezone_id="UTC")
    table = panel(page, "By model")
    expect(table.locator("tbody tr")).to_have_count(len(usage["items"]))
    # The column has them short; the whole number stands in the tooltip.
    tokens = table.locator("td:nth-child(4) [title]").evaluate_all("cells => cells.map((cell) => cell.title)")
    assert [int(number(text)) for text in tokens] == [
        *(item["total_tokens"] for item in sorted(usage["items"], key=lambda item: -item["cost_usd"])),
        usage["totals"]["total_tokens"],
    ]
    assert table.locator("tfoot td:nth-child(2)").inner_text() == f"${usage['totals']['cost_usd']:.2f}"
    assert table.locator("tfoot td:nth-child(10)").inner_text() == f"${usage['totals']['cache_saved_usd']:.2f}"
    expect(tile(page, "cache_saved_usd")).to_have_text(f"${usage['totals']['cache_saved_usd']:.2f}")
    with page.expect_download() as downloading:
        table.get_by_role("link", name="CSV by day and model").click()
    lines = downloading.value.path().read_text().splitlines()
    rows = answer(stack, "/api/usage", group_by="day,model")["items"]
    assert downloading.value.suggested_filename == "usage.csv"
    assert len(lines) == 1 + len(rows)


def test_areas_of_the_cost_add_up_to_it_and_look_into_a_project_with_keys_alone(open_page: OpenPage, stack: Stack) -> None:
    usage = answer(stack, "/api/usage", group_by="project")
    page = open_page(f"/usage?{ALL}", timezone_id="UTC")
    money = panel(page, "Where the money went")
    areas = money.locator(".treemap a")

    expect(money.locator("tfoot td:nth-child(2)")).to_have_text(f"${usage['totals']['cost_usd']:.2f}")
    expect(areas).to_have_count(money.locator("tbody tr").count())
    drawn = sorted(box["width"] * box["height"] for box in (area.bounding_box() for area in areas.locator("rect").all()) if box)
    shares = sorted(number(text) / 100 for text in column(money, 3))
    assert [area / sum(drawn) for area in drawn] == pytest.approx(shares, abs=0.01)

    areas.first.focus()
    page.keyboard.press("Enter")

    dearest = max(usage["items"], key=lambda item: item["cost_usd"] or 0)
    expect(page).to_have_url(re.compile(f"project={dearest['project_id']}"))
    expect(money.get_by_role("button", name="Sessions")).to_have_attribute("aria-pressed", "true")
    expect(money.locator("tfoot td:nth-child(2)")).to_have_text(f"${dearest['cost_usd']:.2f}")
    first = answer(stack, "/api/sessions", project_id=dearest["project_id"], sort="cost_usd", limit=1)["items"][0]
    expect(areas.first).to_have_attribute("href", f"/sessions/{first['session_id']}")
    page.go_back()
    expect(money.get_by_role("button", name="Projects")).to_have_attribute("aria-pressed", "true")


def test_cost_is_divided_by_what_was_paid_for_and_by_commit(open_page: OpenPage, stack: Stack) -> None:
    parts = answer(stack, "/api/usage", include_cost_parts="true")["cost_parts"]
    work = answer(stack, "/api/work", group_by="commit")
    page = open_page(f"/usage?{ALL}&split=month", timezone_id="UTC")
    money = panel(page, "Where the money went")

    expect(money.locator("tbody tr").first).to_contain_text(f"${max(parts.values()):.2f}")
    money.get_by_role("button", name="Commits").click()

    expect(money.locator("tbody tr", has_text="not committed")).to_contain_text(f"${work['without']['cost_usd']:.2f}")
    expect(money.locator("tfoot td:nth-child(2)")).to_have_text(f"${work['totals']['cost_usd']:.2f}")
    for item in work["items"][:3]:
        expect(money.locator("tbody tr", has_text=item["subject"]).first).to_contain_text(f"${item['cost_usd']:.2f}")


def test_stacked_bars_of_usage_have_the_numbers_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(f"/usage?{ALL}&by=project&measure=total_tokens&interval=day", timezone_id="UTC")
    chart = panel(page, "Tokens over time")
    chart.get_by_role("button", name="Table").click()
    names = chart.locator("thead th").all_inner_texts()[1:]
    usage = answer(stack, "/api/usage", group_by="project")
    sums = {item["project_name"]: item["total_tokens"] for item in usage["items"] if item["total_tokens"]}
    shown = {name: sum(number(text) for text in column(chart, at + 2) if text != "–") for at, name in enumerate(names)}
    assert shown == {"All": usage["totals"]["total_tokens"]} | sums


def test_blocks_of_five_hours_have_every_call_once(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(f"/usage?{ALL}", timezone_id="Asia/Kathmandu")
    rows = page.get_by_role("region", name="Blocks of 5 hours, the newest first").locator("tbody tr")
    rows.first.wait_for()
    calls = sum(int(number(text)) for text in rows.locator("td:nth-child(4)").all_inner_texts())
    assert calls == answer(stack, "/api/usage", group_by="day")["totals"]["api_calls"]


def test_tools_are_those_of_the_api_and_filter_by_a_click(open_page: OpenPage, stack: Stack) -> None:
    tools = answer(stack, "/api/tool-calls/stats")["tools"]
    page = open_page(f"/tools?{ALL}", timezone_id="UTC")
    table = page.get_by_role("region", name="Tools", exact=True)
    expect(table.locator("tbody tr")).to_have_count(len(tools))
    shown = dict(zip(column(table, 1), [int(number(text)) for text in column(table, 2)], strict=True))
    assert shown == {tool["tool_name"]: tool["calls"] for tool in tools}
    table.get_by_role("link", name="Bash", exact=True).click()
    expect(table.locator("tbody tr")).to_have_count(1)
    assert query_of(page)["tool"] == "Bash"
    table.get_by_role("link", name="Bash", exact=True).click()
    expect(table.locator("tbody tr")).to_have_count(len(tools))


def test_estimated_times_of_tools_are_marked(open_page: OpenPage, stack: Stack) -> None:
    tools = answer(stack, "/api/tool-calls/stats")["tools"]
    assert all(tool["measured_calls"] == 0 for tool in tools), "the made-up week is of transcripts alone"
    page = open_page(f"/tools?{ALL}", timezone_id="UTC")
    table = page.get_by_role("region", name="Tools", exact=True)
    expect(table.locator("tbody tr td:nth-child(7)").first).to_contain_text("≈")
    assert all(text.startswith("≈") for text in column(table, 7))


def milliseconds_of(text: str) -> float:
    """The milliseconds of a duration as it is shown."""
    units = {"ms": 1, "s": 1_000, "min": 60_000}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+) (ms|s|min)", text))


def test_times_of_a_tool_over_time_are_those_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    points = answer(stack, "/api/tool-calls/stats", tool_name="Bash", interval="day", include_latency=True, include_estimated=True)[
        "time_series"
    ]
    timed = [point for point in points if point["p50_ms"] is not None]
    assert timed
    page = open_page(f"/tools?{ALL}&tool=Bash&interval=day", timezone_id="UTC")
    chart = panel(page, "How long Bash took")
    expect(chart.locator(".panel-about")).to_contain_text("estimated (≈)")
    expect(chart.locator(".plot-dash").first).to_be_visible()
    chart.get_by_role("button", name="≈ p95").focus()
    expect(chart.get_by_role("tooltip")).to_contain_text("19 of 20 calls took no longer than this")
    chart.get_by_role("button", name="Table").click()
    for at, name in ((2, "p50_ms"), (3, "p95_ms")):
        shown = [text for text in reversed(column(chart, at)) if text != "–"]
        assert [milliseconds_of(text) for text in shown] == pytest.approx([point[name] for point in timed], rel=0.03)


def test_without_known_times_the_panel_says_so(open_page: OpenPage) -> None:
    page = open_page("/tools?from=2020-01-01&to=2020-01-31", timezone_id="UTC")
    expect(panel(page, "How long calls took")).to_contain_text("No call in this range has a known duration.")


def test_failed_call_leads_to_its_place_in_the_session(open_page: OpenPage, stack: Stack) -> None:
    errors = answer(stack, "/api/tool-calls/errors", examples=1)["classes"][0]
    page = open_page(f"/tools?{ALL}&error={errors['error_class']}", timezone_id="UTC")
    call = errors["examples"][0]
    expect(page.locator(".failed-calls a").first).to_have_attribute("href", f"/sessions/{call['session_id']}?at={call['id']}")
    expect(page.locator(".failed-error").first).to_contain_text(call["error"].splitlines()[0])


def test_projects_sort_by_their_heads_and_open_with_keys_alone(open_page: OpenPage, stack: Stack) -> None:
    projects = sorted(answer(stack, "/api/usage", group_by="project")["items"], key=lambda item: item["project_name"])
    page = open_page(f"/projects?{ALL}", timezone_id="UTC")
    head = page.get_by_role("columnheader", name="Project")
    head.get_by_role("link").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    names = page.locator(".project-name a")
    assert names.all_inner_texts() == [item["project_name"] for item in projects]
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/projects/{projects[1]['project_id']}\\?"))
    totals = answer(stack, f"/api/projects/{projects[1]['project_id']}/stats")["totals"]
    expect(tile(page, "tool_calls")).to_have_text(f"{totals['tool_calls']:,}")
    page.go_back()
    expect(names).to_have_count(len(projects))


def test_file_of_a_project_leads_to_its_history(open_page: OpenPage, stack: Stack) -> None:
    project = max(answer(stack, "/api/projects"), key=lambda each: each["files_modified_count"])
    file = answer(stack, f"/api/projects/{project['id']}/stats")["top_files"][0]
    page = open_page(f"/projects/{project['id']}?{ALL}", timezone_id="UTC")
    link = panel(page, "Files with the most changes").locator(".bar a").first
    target = urlsplit(link.get_attribute("href") or "")
    assert target.path == "/files"
    assert parse_qs(target.query)["path"] == [file["file_path"]]


def test_what_to_do_has_the_lines_of_the_api_and_leads_to_their_sessions(open_page: OpenPage, stack: Stack) -> None:
    found = answer(stack, "/api/advice")
    page = open_page(f"/advice?{ALL}", timezone_id="UTC")
    headings = [kind["heading"] for kind in found["kinds"]]
    assert headings
    expect(page.locator(".panel h2")).to_have_text([*headings, "How work went by model", "Before and after a day"])
    for kind in found["kinds"]:
        expect(panel(page, kind["heading"]).locator(".advice-lines > li")).to_have_count(len(kind["lines"]))
    line = found["kinds"][0]["lines"][0]
    row = panel(page, headings[0]).locator(".advice-lines > li").first
    expect(row).to_contain_text(line["sentence"])
    row.get_by_role("link").first.click()
    page.wait_for_url(re.compile(f"/sessions/{line['examples'][0]['session_id']}"))


def test_work_before_and_after_a_day_stands_in_the_address(open_page: OpenPage, stack: Stack) -> None:
    day = answer(stack, "/api/stats", interval="day")["time_series"][-1]["date"]
    page = open_page(f"/advice?{ALL}", timezone_id="UTC")
    sides = panel(page, "Before and after a day")
    sides.get_by_label("The day it changed").fill(day)
    expect(sides.locator("tbody tr")).to_have_count(len(answer(stack, "/api/advice", split=day)["split"]))
    assert query_of(page)["split"] == day

"""Each table of the dashboard gives its rows as CSV: those of the API with the same filters, or those that the page made."""

import csv
import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import panel
from tests.flow.conftest import Stack

ONLY_READS = True

# Where the link is, which list it gives, and the column that has as many different values as the list has rows.
LISTS = {
    "usage": ("/usage?range=30d&by=project", "By project", "/api/usage", "project_name"),
    "tools": ("/tools?range=30d", "By tool", "/api/tool-calls/stats", "tool_name"),
    "errors": ("/tools?range=30d", "Why calls failed", "/api/tool-calls/errors", "error_class"),
    "projects": ("/projects?range=30d", "Projects that were active in this range", "/api/usage", "project_id"),
    "sessions": ("/sessions?range=30d", None, "/api/sessions", "session_id"),
    "sessions of a project": ("/projects/1?range=30d", "Newest sessions", "/api/sessions", "session_id"),
    "files": ("/files?range=30d&contains=src", None, "/api/files", "file_path"),
    "imports": ("/imports", "Jobs", "/api/import/jobs", "job_id"),
    "blocks": ("/usage?range=30d", "Blocks of 5 hours", "/api/usage/blocks", "start"),
    "people and models": ("/usage?range=30d&by=user", "By person and model", "/api/usage", "model"),
    "a comparison": ("/compare?range=7d&by=tool", "By tool", "/api/compare", "tool_name"),
}


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def saved(page: Any, link: Any) -> str:
    """The file that a click gives."""
    with page.expect_download() as download:
        link.click()
    return download.value.path().read_bytes().decode()


@pytest.mark.parametrize("name", LISTS)
def test_list_of_the_api_comes_with_the_filters_of_the_page(open_page: OpenPage, stack: Stack, name: str) -> None:
    path, title, api, column = LISTS[name]
    page = open_page(path, timezone_id="UTC")
    place = page.locator("main") if title is None else panel(page, title)
    link = place.get_by_role("link", name="CSV", exact=True).first
    expect(link).to_be_visible()
    target = urlsplit(link.get_attribute("href") or "")
    query = {key: values[0] for key, values in parse_qs(target.query).items()}
    assert target.path == api

    rows = rows_of(saved(page, link))

    asked = {key: value for key, value in query.items() if key != "format"}
    told = stack.http.get(api, params=asked).json()
    items = told.get("tools") or told.get("classes") or told["items"]
    assert len(rows) >= len(items) > 0
    assert {row[column] for row in rows} >= {str(item[column] if item[column] is not None else "") for item in items}


def test_table_of_the_page_alone_has_raw_numbers_and_names_their_unit(open_page: OpenPage, stack: Stack) -> None:
    told = stack.http.get("/api/stats", params={"tz": "UTC", "interval": "day"}).json()["time_series"]
    minutes = {point["date"]: point["active_minutes"] for point in told}
    page = open_page("/overview?range=30d", timezone_id="UTC")
    course = panel(page, "Over time")
    course.get_by_role("button", name="Table", exact=True).click()
    shown = course.locator("tbody tr")
    expect(shown.first).to_be_visible()

    rows = rows_of(saved(page, course.get_by_role("button", name="CSV", exact=True)))

    assert len(rows) == shown.count()
    active = {row["Date"]: float(row["Active time (minutes)"]) for row in rows}
    assert active == {day: pytest.approx(minutes.get(day, 0)) for day in active}
    assert 0 < sum(active.values()) == pytest.approx(sum(minutes.values()))


def test_totals_of_a_comparison_are_whole(open_page: OpenPage) -> None:
    page = open_page("/compare?range=7d", timezone_id="UTC")
    totals = panel(page, "In all")
    expect(totals.locator("tbody tr").first).to_be_visible()

    rows = rows_of(saved(page, totals.get_by_role("button", name="CSV", exact=True)))

    names = [cell.strip() for cell in totals.locator("tbody td:first-child").all_inner_texts()]
    assert [row["Measure"].partition(" (")[0] for row in rows] == names
    assert {"Active time (minutes)", "Cost (USD)", "Error rate (share)"} <= {row["Measure"] for row in rows}
    # The columns are headed by the days of both ranges.
    assert all(float(list(row.values())[1]) >= 0 for row in rows)


def test_search_gives_the_hits_that_it_shows(open_page: OpenPage) -> None:
    page = open_page("/search?q=retry&group=none", timezone_id="UTC")
    expect(page.locator(".hits li").first).to_be_visible()
    texts = page.locator(".hits .hit-text").all_inner_texts()

    rows = rows_of(saved(page, page.get_by_role("button", name="CSV", exact=True)))

    assert [" ".join(row["text"].split()) for row in rows] == [" ".join(text.split()) for text in texts]

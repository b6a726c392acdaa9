"""Files and their history in the dashboard: who touched this, and why."""

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack

ONLY_READS = True

CART = "/home/ann/shop/src/cart.py"


def history(stack: Stack, query: str) -> dict[str, Any]:
    answer: dict[str, Any] = stack.http.get(f"/api/files/history?{query}").json()
    return answer


def test_files_are_those_of_the_api_and_a_part_of_a_path_narrows_them(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/files")
    expected = stack.http.get("/api/files?limit=100").json()["items"]
    names = page.locator("tbody .file-name > a:first-child")
    expect(names).to_have_text([item["file_path"].rsplit("/", 1)[-1] for item in expected])
    page.get_by_role("searchbox", name="Part of the path").fill("cart")
    expect(names).to_have_text(["cart.py"])
    names.first.click()
    page.wait_for_url("**/files?path=*")
    assert parse_qs(urlsplit(page.url).query)["path"] == [CART]
    expect(page.locator("h1")).to_have_text("cart.py")
    expect(page.locator("h1")).to_be_focused()
    page.go_back()
    expect(names).to_have_text(["cart.py"])


def test_paths_stand_from_the_folder_of_their_project_and_are_whole_on_a_phone(open_page: OpenPage, stack: Stack) -> None:
    projects = {project["id"]: project["path"] for project in stack.http.get("/api/projects").json()}
    file = next(item for item in stack.http.get("/api/files?limit=100").json()["items"] if item["file_path"] == CART)
    root = projects[file["project_id"]]
    page = open_page("/files?range=all&contains=cart.py", viewport={"width": 390, "height": 844})

    folder = page.locator(".file-folder").first

    expect(folder).to_have_text(CART.removeprefix(f"{root}/").removesuffix("cart.py"))
    expect(folder).to_have_attribute("title", f"The history of {CART.removesuffix('cart.py')}")
    assert folder.evaluate("element => element.scrollWidth <= element.clientWidth + 1")


def test_files_of_a_day_are_as_many_as_its_tile_says(open_page: OpenPage, stack: Stack) -> None:
    zone = {"tz": "UTC"}
    days = [change["timestamp"][:10] for change in stack.http.get("/api/activities", params=zone | {"limit": 500}).json()["items"]]
    day = max(set(days), key=days.count)
    files = stack.http.get("/api/files", params=zone | {"limit": 500, "start_date": day, "end_date": day}).json()["items"]
    assert 0 < len(files) < len(stack.http.get("/api/files?limit=500").json()["items"])
    page = open_page(f"/overview?from={day}&to={day}", timezone_id="UTC")
    tile = page.locator("[data-measure=files_modified] a")
    expect(tile).to_have_text(str(len(files)))

    tile.click()

    page.wait_for_url(f"**/files?from={day}&to={day}")
    expect(page.locator("tbody tr")).to_have_count(len(files))
    expect(page.get_by_label("First day")).to_have_value(day)
    page.get_by_role("group", name="Range of days").get_by_role("link", name="All").click()
    expect(page.locator("tbody tr")).to_have_count(len(stack.http.get("/api/files?limit=500").json()["items"]))


def test_columns_sort_in_the_order_of_the_api_and_stand_in_the_address(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/files?range=all")
    names = page.locator("tbody .file-name > a:first-child")

    for title, sort in (("Lines", "lines_changed"), ("Sessions", "sessions"), ("Last change", "last_change"), ("Changes", "changes")):
        for order in ("desc", "asc"):
            page.get_by_role("columnheader", name=title).get_by_role("link").click()

            expected = stack.http.get("/api/files", params={"sort": sort, "order": order, "limit": 100}).json()["items"]
            expect(names).to_have_text([item["file_path"].rsplit("/", 1)[-1] for item in expected])
            expect(page.locator("th[aria-sort]")).to_contain_text(title)
            if (sort, order) != ("changes", "desc"):
                assert parse_qs(urlsplit(page.url).query)["sort"] == [sort + (".asc" if order == "asc" else "")]


def test_history_has_each_change_with_its_prompt_and_diff(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(f"/files?path={quote(CART)}")
    expected = history(stack, f"path={quote(CART)}&limit=50")
    newest, summary = expected["items"][0], expected["summary"]
    last = page.get_by_role("region", name="The last change")
    expect(last).to_contain_text("ann changed it last")
    expect(last).to_contain_text(newest["prompt"]["text"])
    expect(page.get_by_role("region", name="Over time")).to_contain_text(
        f"{summary['changes']} changes · {summary['sessions']} sessions · 1 person"
    )
    expect(page.locator(".change")).to_have_count(len(expected["items"]))

    first = page.locator(".change").first
    toggle = first.get_by_role("button", name="Diff")
    expect(toggle).to_have_attribute("aria-expanded", "false")
    toggle.press("Enter")
    expect(first.locator(".diff-line.is-added")).to_have_count(newest["lines_added"])
    assert (
        first.get_by_role("link", name="in the session").get_attribute("href")
        == f"/sessions/{newest['session_id']}?at={newest['tool_call_id']}"
    )


def test_chart_of_a_history_has_the_days_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(f"/files?path={quote(CART)}", timezone_id="UTC")
    days = history(stack, f"path={quote(CART)}&tz=UTC")["summary"]["days"]
    assert len(days) > 1
    chart = page.get_by_role("region", name="Over time")
    chart.get_by_role("button", name="Table").click()
    rows = [row.locator("td").all_inner_texts() for row in chart.locator("tbody tr").all()]
    shown = {day: (int(added), int(removed)) for day, added, removed in rows}
    assert {day: counts for day, counts in shown.items() if counts != (0, 0)} == {
        day["day"]: (day["lines_added"], day["lines_removed"]) for day in days
    }


def test_folder_has_its_files_and_leads_to_the_folders_above(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(f"/files?path={quote('/home/ann/shop/*')}")
    expect(page.locator("h1")).to_have_text("shop/")
    summary = history(stack, f"path={quote('/home/ann/shop/*')}")["summary"]
    expect(page.get_by_role("region", name="Over time")).to_contain_text(f"{summary['changes']} changes · {summary['files']} files")
    page.get_by_role("region", name="Most changed files in this folder").get_by_role("link", name="src/payments.py").click()
    expect(page.locator("h1")).to_have_text("payments.py")
    page.get_by_role("navigation", name="Folders").get_by_role("link", name="ann/").click()
    expect(page.locator("h1")).to_have_text("ann/")


def test_kind_of_change_stands_in_the_address(open_page: OpenPage) -> None:
    page = open_page(f"/files?path={quote(CART)}")
    page.get_by_role("button", name="Deleted").click()
    expect(page.locator(".empty-title")).to_have_text("No change matches these filters.")
    assert parse_qs(urlsplit(page.url).query)["action"] == ["deleted"]
    page.go_back()
    expect(page.locator(".change")).not_to_have_count(0)


def test_path_that_nobody_changed_names_similar_ones(open_page: OpenPage) -> None:
    page = open_page("/files?path=/elsewhere/cart.py")
    expect(page.locator(".empty-title")).to_have_text("Claude has not changed a file at this path.")
    page.get_by_role("link", name=CART).click()
    expect(page.locator(".change")).not_to_have_count(0)


def test_relative_path_without_a_project_is_explained(open_page: OpenPage) -> None:
    page = open_page("/files?path=src/cart.py", allows=("400",))
    expect(page.get_by_role("alert")).to_contain_text("is relative")

"""A project and its parts, in its page: merged, named and grouped in a form, told with its reason, and taken back."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack
from tests.flow.connect.shippers import project_at, session, wait_for

# A folder, to look at the pages: TRACKER_PICTURES=/tmp/pictures.
PICTURES = os.environ.get("TRACKER_PICTURES")


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


@pytest.fixture
def folders(stack: Stack) -> tuple[Path, Path]:
    shop, fix = Path("/one/atlas"), Path("/one/atlas-fix")
    session(stack, shop)
    session(stack, fix)
    return shop, fix


def test_project_is_merged_grouped_and_taken_back_in_its_page(open_page: OpenPage, stack: Stack, folders: tuple[Path, Path]) -> None:
    shop, fix = folders
    shop_id, fix_id = project_at(stack, shop)["id"], project_at(stack, fix)["id"]
    page = open_page(f"/projects/{fix_id}?range=all", timezone_id="UTC")
    panel = page.get_by_role("region", name="Also known as")
    expect(panel).to_contain_text("Only this path.")

    # When a person makes it a part of another, with a group
    panel.get_by_role("button", name="Change …").click()
    form = page.get_by_role("dialog", name="Change the project")
    picture(page, "form")
    form.get_by_label("Group").fill("work")
    form.get_by_label("Part of").select_option(label="atlas")
    form.get_by_role("button", name="Save").click()

    # Then both pages say so, with the reason
    expect(panel).to_contain_text("Part of another project. A person merged them.")
    wait_for(lambda: project_at(stack, shop)["total_sessions"] >= 2)
    whole = open_page(f"/projects/{shop_id}?range=all", timezone_id="UTC")
    parts = whole.get_by_role("region", name="Also known as")
    expect(parts.get_by_role("listitem")).to_contain_text(str(fix))
    expect(parts.get_by_role("listitem")).to_contain_text("A person merged them.")
    picture(whole, "whole")
    whole.set_viewport_size({"width": 390, "height": 900})
    picture(whole, "whole-390")

    # And taking it out, and an undo of that, are one click each
    parts.get_by_role("button", name=f"Take out {fix}").click()
    expect(parts.get_by_role("listitem")).to_have_count(0)
    wait_for(lambda: project_at(stack, fix)["total_sessions"] >= 1)
    page.reload()
    panel.get_by_role("button", name="Undo: merge").click()
    expect(panel).to_contain_text("Part of another project.")


def test_a_project_is_shared_in_its_page(open_page: OpenPage, stack: Stack) -> None:
    folder = Path("/one/shared")
    session(stack, folder)
    page = open_page(f"/projects/{project_at(stack, folder)['id']}?range=all", timezone_id="UTC")
    panel = page.get_by_role("region", name="Also known as")

    panel.get_by_role("button", name="Change …").click()
    form = page.get_by_role("dialog", name="Change the project")
    expect(form.get_by_label("Its sessions are")).to_have_value("")
    form.get_by_label("Its sessions are").select_option("shared")
    picture(page, "share")
    page.set_viewport_size({"width": 390, "height": 900})
    picture(page, "share-390")
    form.get_by_role("button", name="Save").click()

    expect(panel).to_contain_text("Shared: every key of the project reads all its sessions.")
    assert project_at(stack, folder)["visibility"] == "shared"
    picture(page, "shared")
    panel.get_by_role("button", name="Undo: visibility").click()
    expect(panel).not_to_contain_text("Shared:")
    assert project_at(stack, folder)["visibility"] is None


def test_groups_show_in_the_list_of_projects(open_page: OpenPage, stack: Stack, folders: tuple[Path, Path]) -> None:
    shop_id = project_at(stack, folders[0])["id"]
    assert stack.http.patch(f"/api/projects/{shop_id}", json={"group": "work"}).status_code in (200, 202)

    page = open_page("/projects?range=all", timezone_id="UTC")

    table = page.get_by_role("table", name="Projects")
    expect(table.get_by_role("columnheader", name="Group")).to_be_visible()
    expect(table.get_by_role("row").filter(has_text="atlas").first).to_contain_text("work")
    picture(page, "projects")

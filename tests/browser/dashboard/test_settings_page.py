"""Settings in the dashboard: the line that connects a machine, and a key from its making to its revoking."""

from uuid import uuid4

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack, second_api


def test_a_key_is_made_shown_once_and_revoked(open_page: OpenPage, stack: Stack) -> None:
    admin = stack.http.post("/api/keys", json={"name": "settings admin", "scopes": ["admin"]}).json()["key"]
    name = f"Ann's laptop {uuid4().hex[:6]}"
    with second_api(stack, TRACKER_ACCESS="keys") as http:
        origin = str(http.base_url).rstrip("/")
        page = open_page("/settings", of=origin, extra_http_headers={"Authorization": f"Bearer {admin}"})
        line = page.locator(".connect .copy code")
        expect(line).to_have_text(f"tracker connect --url {origin} --token cct_…")

        page.get_by_role("button", name="Make a key").click()
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Only for this person").fill("ann")
        page.get_by_role("button", name="Make the key").click()
        key = page.locator(".new-key .copy code").inner_text()
        assert key.startswith("cct_")
        expect(line).to_have_text(f"tracker connect --url {origin} --token {key}")
        [listed] = [each for each in stack.http.get("/api/keys").json()["items"] if each["name"] == name]
        assert (listed["scopes"], listed["user"]) == (["ingest"], "ann")
        started = {"project_path": "/home/ann/keyed", "session_id": f"keyed-{uuid4()}"}
        assert http.post("/api/sessions/start", json=started, headers={"Authorization": f"Bearer {key}"}).status_code == 201

        page.get_by_role("button", name="I have it").click()
        assert key not in page.content()
        page.get_by_role("button", name=f"Revoke {name}").click()
        page.get_by_role("button", name="Revoke it").click()
        expect(page.locator("tr", has_text=name)).to_contain_text("revoked")
        page.close()
    assert [each["revoked_at"] for each in stack.http.get("/api/keys").json()["items"] if each["name"] == name] != [None]


def test_a_refused_key_says_why(open_page: OpenPage) -> None:
    page = open_page("/settings", allows=("400",))
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name", exact=True).fill("   ")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".key-form [role=alert]")).to_contain_text("name")


def test_the_theme_is_kept(open_page: OpenPage) -> None:
    page = open_page("/settings")
    page.get_by_role("group", name="Theme").get_by_role("button", name="Dark").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_key_without_admin_sees_how_to_connect(open_page: OpenPage, stack: Stack) -> None:
    made = {
        scope: stack.http.post("/api/keys", json={"name": f"settings {scope}", "scopes": [scope]}).json()["key"]
        for scope in ("admin", "read")
    }
    with second_api(stack, TRACKER_ACCESS="keys") as http:
        page = open_page("/settings", of=str(http.base_url).rstrip("/"), extra_http_headers={"Authorization": f"Bearer {made['read']}"})
        expect(page.locator(".connect")).to_contain_text("Anyone with an admin key can make one")
        expect(page.locator(".keys-panel, .audit, .scrub")).to_have_count(0)
        page.close()


def test_retention_is_set_counted_and_taken_back(open_page: OpenPage, stack: Stack) -> None:
    """No rule is left: other tests have sessions on this stack."""
    page = open_page("/settings")
    panel = page.locator(".retention")
    panel.get_by_label("What", exact=True).select_option("audit")
    panel.get_by_label("Days; empty: for good").fill("3650")
    panel.get_by_role("button", name="Set", exact=True).click()
    expect(panel.locator("tr", has_text="audit")).to_contain_text("3,650 days")

    panel.get_by_role("button", name="What would go?").click()
    expect(panel).to_contain_text("nothing is old enough to go")
    panel.get_by_role("button", name="Drop it now").click()
    page.get_by_role("button", name="Leave it").click()
    panel.get_by_role("button", name="Clear the rule for audit of everything").click()

    expect(panel.locator("tr", has_text="audit")).to_contain_text("for good")
    assert stack.http.get("/api/retention").json()["rules"] == []
    page.close()

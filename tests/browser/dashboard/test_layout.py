"""Each page in each of its modes, looked at as a picture: nothing lies on anything else, and nothing is cut off or outside."""

import gzip
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe

from services.query.http.dashboard_files import ASSETS, PAGE, asset
from tests.browser.dashboard.conftest import OpenPage, origin_of
from tests.browser.dashboard.parts_of_pages import PAGES, TAGS, busiest_session, settled
from tests.flow.conftest import Stack

ONLY_READS = True

FAULTS = (Path(__file__).parent / "layout.js").read_text()
WIDE = {"width": 1440, "height": 900}
SIZES = {"wide": WIDE, "tablet": {"width": 1000, "height": 800}, "phone": {"width": 390, "height": 844}}
SCHEMES = ("light", "dark")

Address = Callable[[Stack], str]


def busiest_day(stack: Stack) -> str:
    days = stack.http.get("/api/usage", params={"group_by": "day"}).json()["items"]
    return f"/days/{max(days, key=lambda item: item['tool_calls'])['day']}"


def failed_call(stack: Stack) -> str:
    call = stack.http.get("/api/search", params={"q": "is:error", "limit": 1}).json()["items"][0]
    return f"/sessions/{quote(call['session_id'], safe='')}?at={call['timeline_id']}"


def changed_file(stack: Stack, whole_folder: bool = False) -> str:
    path = stack.http.get("/api/files", params={"limit": 1}).json()["items"][0]["file_path"]
    return f"/files?path={quote(path.rpartition('/')[0] + '/*' if whole_folder else path)}"


def newest_job(stack: Stack) -> str:
    return f"/imports?job={stack.http.get('/api/import/jobs', params={'limit': 1}).json()['items'][0]['job_id']}"


MODES: dict[str, Address] = {
    **{path: (lambda _, path=path: path) for path in PAGES},
    "days without anything": lambda _: "/overview?from=2019-03-01&to=2019-03-02",
    "a day": busiest_day,
    "a day of a project": lambda stack: f"{busiest_day(stack)}?project={stack.http.get('/api/projects').json()[0]['id']}",
    "a day without anything": lambda _: "/days/2019-03-01",
    "no such day": lambda _: "/days/2019-02-30",
    "a project": lambda stack: f"/projects/{stack.http.get('/api/projects').json()[0]['id']}",
    "sessions of all time": lambda _: "/sessions?range=all&sort=cost_usd",
    "no session": lambda _: "/sessions?range=all&tag=nobody",
    "a session": busiest_session,
    "a session unfolded": lambda stack: busiest_session(stack, "?outcome=1"),
    "a session with thinking": lambda stack: busiest_session(stack, "?thinking=1"),
    "a failed call": failed_call,
    "no such session": lambda _: "/sessions/nobody",
    "search": lambda _: "/search?q=retry",
    "search text by text": lambda _: "/search?q=retry&group=none",
    "search with context": lambda _: "/search?q=retry&context=true",
    "search text by text with context": lambda _: "/search?q=retry&context=true&kind=message&group=none",
    "search across texts": lambda _: "/search?q=webhook%20backup%20retry",
    "search with a word too much": lambda _: "/search?q=retry%20nobodywrotethis&correct=false",
    "search for one row": lambda _: "/search?q=webhook&kind=message",
    "search of a pattern": lambda _: "/search?q=retr.&mode=regex&sort=newest",
    "search without a result": lambda _: "/search?q=nobodywrotethis&correct=false",
    "a file": changed_file,
    "a folder": lambda stack: changed_file(stack, whole_folder=True),
    "no such file": lambda _: "/files?path=/nobody/at/all.ts",
    "usage by person": lambda _: "/usage?by=user&range=7d",
    "usage by project": lambda _: "/usage?by=project&range=all",
    "usage by machine": lambda _: "/usage?by=machine&split=session&range=all",
    "usage by commit": lambda _: "/usage?split=commit&range=all",
    "compare by everything": lambda _: "/compare?range=7d&by=project,user,model,tool,error_class,machine,branch",
    "a tool": lambda _: "/tools?tool=Bash",
    "a job": newest_job,
}


@pytest.mark.parametrize("mode", MODES)
def test_nothing_overlaps_or_is_cut_off_and_no_serious_rule_of_accessibility_is_broken(
    open_page: OpenPage, stack: Stack, mode: str
) -> None:
    page = shown(open_page, stack, mode)
    found: dict[tuple[str, ...], list[str]] = {}

    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found[size, scheme] = faults(page)
            if viewport is WIDE:
                found |= {(scheme, rule): nodes for rule, nodes in broken_rules(page).items()}

    assert {view: wrong for view, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("path", PAGES)
def test_page_names_itself_and_fits_a_phone(open_page: OpenPage, path: str) -> None:
    page = open_page(path)
    settled(page)
    assert page.locator("h1").first.inner_text() != ""
    assert page.locator("nav [aria-current=page]").count() == 1

    page.set_viewport_size(SIZES["phone"])
    page.reload()
    settled(page)

    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"]["width"]


def test_dashboard_stays_below_its_bytes(open_page: OpenPage, stack: Stack) -> None:
    """150 KB for everything and 80 KB for the first view, packed as they are sent; the page as a gateway packs it."""

    def sent(assets: Iterable[Path]) -> int:
        return len(gzip.compress(PAGE.read_bytes())) + sum(path.stat().st_size for path in assets)

    assert sent(ASSETS.iterdir()) <= 150_000
    loaded: list[str] = []
    page = open_page("/settings")
    settled(page)
    page.on("response", lambda response: loaded.append(response.url))
    page.goto(f"{origin_of(stack)}/")
    settled(page)
    names = {url.rsplit("/", 1)[1] for url in loaded if "/assets/" in url}
    assert len(names) >= 2
    assert sent(path for name in names if (path := asset(name))) <= 80_000


@pytest.mark.parametrize("scheme", SCHEMES)
def test_star_and_chosen_segment_stand_out(open_page: OpenPage, scheme: str) -> None:
    """WCAG 1.4.11: what shows a control or its state has 3:1 against what is beside it."""
    page = open_page("/sessions?range=all", color_scheme=scheme)
    page.wait_for_selector("button.star")
    switch, row = ".switch [aria-current]", ".session-panel"

    star = contrast(colour(page, "button.star", "color"), colour(page, row, "backgroundColor"))
    ring = contrast(colour(page, switch, "boxShadow"), colour(page, ".switch", "backgroundColor"))

    assert star >= 3
    assert ring >= 3


def test_cost_of_a_turn_is_shown_whole_beside_long_numbers(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(busiest_session(stack))
    page.wait_for_selector(".turn-cost")

    page.evaluate("""() => document.querySelectorAll(".turn").forEach((turn) => {
        turn.querySelector(".turn-prompt").textContent = "A prompt of many words that go on and on ".repeat(4);
        for (const each of turn.querySelector(".turn-numbers").children) each.textContent = "12 h 34 min 56 s";
        turn.querySelector(".turn-cost").textContent = "$1,011.77";
    })""")

    assert page.locator(".turn-cost").first.evaluate(
        "cost => cost.getBoundingClientRect().right <= cost.parentElement.getBoundingClientRect().right"
    )
    assert page.locator(".turn-cost").first.evaluate("cost => cost.scrollWidth <= cost.clientWidth")


def shown(open_page: OpenPage, stack: Stack, mode: str) -> Any:
    page = open_page(MODES[mode](stack), allows=() if mode in PAGES else ("404",), reduced_motion="reduce")
    settled(page)
    page.wait_for_load_state("networkidle")
    return page


def faults(page: Any) -> list[str]:
    # Rows that are measured as they are shown have been, after two frames.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found: list[str] = page.evaluate(FAULTS, page.viewport_size["width"] >= WIDE["width"])
    return found


def broken_rules(page: Any) -> dict[str, list[str]]:
    """The first elements that break each rule."""
    violations = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}}).response["violations"]
    serious = [violation for violation in violations if violation["impact"] in ("serious", "critical")]
    return {violation["id"]: [node["html"][:200] for node in violation["nodes"]][:3] for violation in serious}


def colour(page: Any, selector: str, name: str) -> list[int]:
    text = page.locator(selector).first.evaluate(f"element => getComputedStyle(element).{name}")
    return [int(number) for number in re.findall(r"\d+", text)[:3]]


def contrast(one: list[int], other: list[int]) -> float:
    """As WCAG defines it, of two colours as red, green and blue from 0 to 255."""

    def light(colour: list[int]) -> float:
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in (each / 255 for each in colour)
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)

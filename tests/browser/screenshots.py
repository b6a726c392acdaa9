"""`make screenshots`: the pictures of README and docs/tour.md, of a tracker of its own with the samples imported.

`python -m tests.browser.screenshots FOLDER` takes every page instead, light and dark, wide and on a phone, full and empty; with --url of a running tracker.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

from deploy.embedded.supervision.processes import wait_until
from shared.dashboard_addresses import VIEWS
from tests.searchable import SEARCH, is_searchable
from tests.skips import CHROMIUM, ROOT, SAMPLES

PICTURES: Final = ROOT / "docs/pictures"
START_SECONDS: Final = 120
WIDE: Final = {"width": 1440, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
# Three weeks of the samples in which most happened, with as many before them, and a session of them with prompts, a failed call and edits.
WEEKS: Final = "from=2026-01-26&to=2026-02-15"
STORY: Final = "a2b25ca9-1cbb-41d7-a3b1-89c66f8697f9"
# The pictures of the documents: name, path, colours.
DOCUMENTED: Final = (
    ("overview", f"/overview?{WEEKS}", "light"),
    ("overview-dark", f"/overview?{WEEKS}", "dark"),
    ("session", f"/sessions/{STORY}", "light"),
    ("search", "/search?q=upload", "light"),
    ("tools", f"/tools?{WEEKS}", "light"),
    ("usage", f"/usage?{WEEKS}", "light"),
    ("health", "/health", "light"),
)


@contextmanager
def tracker(folder: Path) -> Iterator[str]:
    """The address of a tracker of its own."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    environment = kept | {"TRACKER_DATA_DIR": str(folder / "data"), "TRACKER_PORT": str(port), "TRACKER_FLOWER_PORT": "off"}
    with (folder / "tracker.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "deploy.embedded"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        if not wait_until(lambda: is_ready(url), START_SECONDS):
            raise SystemExit(f"The tracker did not start:\n{(folder / 'tracker.log').read_text()[-2000:]}")
        yield url
    finally:
        process.terminate()
        process.wait(60)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def import_samples(url: str) -> None:
    """The transcripts of the samples, in one import, and waits until they can be searched."""
    folders = sorted(str(folder) for folder in (SAMPLES / "transcripts").glob("*/projects"))
    if not folders:
        raise SystemExit(f"There are no samples at {SAMPLES}; TRACKER_SAMPLES says where they are.")
    environment = os.environ | {"TRACKER_URL": url, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-P", "-m", "client", "import", "--quiet", "--user", "ann", *folders], env=environment, check=True)
    if not wait_until(lambda: is_searchable(httpx.get(f"{url}{SEARCH}", trust_env=False).json()), START_SECONDS):
        raise SystemExit("The search index did not come to its end.")


def most_active_session(url: str) -> str:
    found = httpx.get(f"{url}/api/sessions?sort=tool_calls_count&limit=1", trust_env=False).json()["items"]
    return str(found[0]["session_id"]) if found else "none"


def take(browser: Any, url: str, path: Path, scheme: str, viewport: dict[str, int]) -> None:
    context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce", timezone_id="UTC", locale="en-GB")
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("h1")
    page.locator("[role=status].outline").first.wait_for(state="detached", timeout=30_000)
    page.wait_for_timeout(400)
    page.screenshot(path=path)
    context.close()


def take_documented(browser: Any, url: str) -> None:
    for name, path, scheme in DOCUMENTED:
        take(browser, url + path, PICTURES / f"{name}.png", scheme, WIDE)


def take_all(browser: Any, url: str, folder: Path) -> None:
    """Every page, light and dark, wide and on a phone."""
    session = most_active_session(url)
    for path in ["/", *(f"/{view}" for view in VIEWS), f"/sessions/{session}", "/projects/1", "/search?q=test"]:
        name = "-".join(part for part in path.replace("?q=", "/").split("/") if part)[:30] or "now"
        for scheme in ("light", "dark"):
            take(browser, url + path, folder / f"{name}-wide-{scheme}.png", scheme, WIDE)
        take(browser, url + path, folder / f"{name}-phone.png", "light", PHONE)


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description="Takes pictures of the dashboard.")
    parser.add_argument("folder", nargs="?", type=Path, help="where pictures of every page go; without it those of the documents are made")
    parser.add_argument("--url", help="a running tracker, in place of one with the samples")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def shoot(url: str) -> None:
            if chosen.folder is None:
                take_documented(browser, url)
            else:
                chosen.folder.mkdir(parents=True, exist_ok=True)
                take_all(browser, url, chosen.folder)

        if chosen.url:
            shoot(chosen.url)
        else:
            with tracker(Path(folder)) as url:
                import_samples(url)
                shoot(url)
        browser.close()


if __name__ == "__main__":
    main()

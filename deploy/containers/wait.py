"""`python -m deploy.containers.wait [seconds]`: returns when /readyz says that the compose stack is ready; else prints what does not run."""

import json
import time
import urllib.error
import urllib.request
from typing import Any, Final

from deploy.containers.compose import ContainersError, as_program, containers, run, say

PATIENCE_SECONDS: Final = 180.0
_LOOK_EVERY_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 5.0
# No proxy: the containers run on this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wait(seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
    """The body of /readyz once it answers 200. ContainersError if it does not within so many seconds."""
    until = time.monotonic() + seconds
    while True:
        status, said = ready(url())
        if status == 200:
            return said
        if time.monotonic() > until:
            raise ContainersError(f"Not ready after {seconds:.0f} s: {_trouble() or json.dumps(said)}; see `make logs`.")
        time.sleep(_LOOK_EVERY_SECONDS)


def url() -> str:
    """The gateway's published URL. ContainersError if the gateway is not published."""
    published = run("port", "gateway", "8000")
    if not published:
        raise ContainersError("The gateway is not running; start the stack with `make compose-up`.")
    return f"http://{published.replace('0.0.0.0', '127.0.0.1')}"  # noqa: S104 - compared, not listened on


def ready(base: str) -> tuple[int, dict[str, Any]]:
    """Status and body of /readyz; status 0 without an answer."""
    try:
        with _direct.open(f"{base}/readyz", timeout=_ANSWER_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, _body(error)
    except (OSError, ValueError):
        return 0, {}


def _body(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.load(error)
    except ValueError:
        return {}
    return body


def _trouble() -> str:
    """The containers that do not run as they should."""
    told = []
    for one in containers(also_stopped=True):
        has_ended_well = one["State"] == "exited" and one["ExitCode"] == 0
        if one["State"] != "running" and not has_ended_well:
            told.append(f"{one['Service']} is {one['State']} ({one['ExitCode']})")
        elif one.get("Health") in ("starting", "unhealthy"):
            told.append(f"{one['Service']} is {one['Health']}")
    return ", ".join(told)


def main(arguments: list[str]) -> None:
    """Prints the URL of the stack."""
    wait(float(arguments[0]) if arguments else PATIENCE_SECONDS)
    say(f"Ready on {url()}")


if __name__ == "__main__":
    as_program(main)

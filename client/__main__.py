"""`python -m client` is `tracker`."""

import os
import sys
from pathlib import Path
from typing import Final, Literal

# What `tracker ship` may be called with, and what that means (client/capture/ship.py).
_SHIP: Final[dict[tuple[str, ...], Literal["until-quiet", "forever", "once"]]] = {
    (): "until-quiet",
    ("--forever",): "forever",
    ("--once",): "once",
}


def main() -> None:
    """The console script. What hooks start goes without the imports of the other commands, which cost 100 ms and 15 MB."""
    arguments = tuple(sys.argv[1:])
    if arguments[:1] == ("ship",) and (mode := _SHIP.get(arguments[1:])):
        from client.capture.ship import ONCE_SECONDS, ship  # noqa: PLC0415

        sys.exit(ship(mode, ONCE_SECONDS, os.environ, Path.home()))
    from client import command_line  # noqa: PLC0415

    command_line.main()


if __name__ == "__main__":
    main()

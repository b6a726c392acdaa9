"""`python -m client` is `tracker`."""

import os
import sys
from pathlib import Path
from typing import Final

from client.capture.modes import ONCE_SECONDS, Mode
from client.output.terminal import guard

# The arguments with which `tracker ship` may be started by a program.
_SHIP: Final[dict[tuple[str, ...], Mode]] = {(): "until-quiet", ("--forever",): "forever", ("--once",): "once"}


def main() -> None:
    """The console script. The commands that hooks call go without the imports of the others, which cost 100 ms and 15 MB."""
    guard()
    match tuple(sys.argv[1:]):
        case ("ship", *options) if mode := _SHIP.get(tuple(options)):
            from client.capture.ship import ship  # noqa: PLC0415
            from client.unexpected import reported  # noqa: PLC0415

            with reported(is_debug=False):
                sys.exit(ship(mode, ONCE_SECONDS, os.environ, Path.home()))
        case ("hook", *folder) if len(folder) <= 1:
            from client.capture.hooks.hook import take_payload  # noqa: PLC0415

            take_payload(Path(*folder) if folder else None, os.environ, Path.home())
        case _:
            from client import command_line  # noqa: PLC0415

            command_line.main()


if __name__ == "__main__":
    main()

"""The names that variables TRACKER_… may have, and the refusal to start with another: a misspelt setting would be ignored.

`make reference` writes the names to setting_names.txt, from the settings' classes, the containers' files, and what other code asks for.
`python -m shared.setting_names .env,…` checks the environment and these files, if they are there. Only the standard library: a machine that has Docker
may have nothing else.
"""

import difflib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

PREFIX: Final = "TRACKER_"
NAMES_FILE: Final = Path(__file__).with_suffix(".txt")
_LINE: Final = re.compile(r"^\s*(?:export\s+)?(\w+)\s*=", re.MULTILINE)


class InvalidSettings(SystemExit):
    """The tracker must not start with these settings. The message says what to do; as a SystemExit it is shown without a traceback."""


def check_names(variables: Iterable[str], own: Iterable[str] = ()) -> None:
    """InvalidSettings if a name begins with TRACKER_ and nothing reads it. `own`: names that the caller reads, whatever the list says."""
    known = {*NAMES_FILE.read_text(encoding="utf-8").split(), *own}
    unknown = sorted(name for name in variables if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise InvalidSettings("\n".join(_sentence(name, known) for name in unknown))


def names_in(file: Path) -> list[str]:
    """The variables that an env file sets."""
    return _LINE.findall(file.read_text(encoding="utf-8"))


def _sentence(name: str, known: set[str]) -> str:
    nearest = difflib.get_close_matches(name.upper(), known, n=1)
    if nearest:
        return f"{name} is not a setting; write {nearest[0]} if that is what you mean, or unset it."
    return f"{name} is not a setting; unset it, or see docs/reference/settings.md for the names."


if __name__ == "__main__":
    check_names(os.environ)
    for each in sys.argv[1].split(","):
        try:
            check_names(names_in(Path(each)) if Path(each).is_file() else ())
        except InvalidSettings as error:
            sys.exit(f"{each}: {error}")

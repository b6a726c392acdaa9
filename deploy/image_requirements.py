"""`python deploy/image_requirements.py <extra>`: what an extra of pyproject.toml asks for, a requirement a line.

Without the client's, which pip would add to it: an image has what its service needs. `make lock` makes deploy/requirements/ of it.
"""

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
_OWN_EXTRAS = re.compile(r"claude-code-tracker\[([a-z0-9,]+)\]")


def requirements_of(extra: str) -> list[str]:
    """The requirements, those of the extras that it names included, sorted. KeyError if there is no such extra."""
    extras: dict[str, list[str]] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    found: set[str] = set()
    for requirement in extras[extra]:
        named = _OWN_EXTRAS.fullmatch(requirement)
        found.update(*(requirements_of(name) for name in named[1].split(","))) if named else found.add(requirement)
    return sorted(found)


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements_of(sys.argv[1])) + "\n")

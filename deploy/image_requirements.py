"""`python deploy/image_requirements.py <extra>`: prints the requirements of an extra of pyproject.toml, one on each line.

It leaves out the client's requirements, which pip would add: an image has only what its service needs.
`make lock` writes deploy/requirements/ from it.
"""

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
_OWN_EXTRAS = re.compile(r"claude-code-tracker\[([a-z0-9,]+)\]")


def requirements_of(extra: str) -> list[str]:
    """The requirements, sorted, with those of the extras that it includes. KeyError if the extra does not exist."""
    extras: dict[str, list[str]] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    found: set[str] = set()
    for requirement in extras[extra]:
        named = _OWN_EXTRAS.fullmatch(requirement)
        found.update(*(requirements_of(name) for name in named[1].split(","))) if named else found.add(requirement)
    return sorted(found)


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements_of(sys.argv[1])) + "\n")

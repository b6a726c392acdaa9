"""The vendored files of Swagger UI are those of its lock."""

import tomllib
from hashlib import sha256
from typing import Final

from services.query.http.reference_page import FOLDER, MEDIA_TYPES

LOCKED: Final[dict[str, str]] = tomllib.loads((FOLDER / "swagger-ui.lock").read_text(encoding="utf-8"))["files"]


def test_the_vendored_files_have_the_digests_of_the_lock() -> None:
    assert {name: sha256((FOLDER / name).read_bytes()).hexdigest() for name in LOCKED} == LOCKED


def test_the_served_files_are_the_vendored_ones_and_the_starter() -> None:
    assert MEDIA_TYPES.keys() <= {*LOCKED, "start.js"}

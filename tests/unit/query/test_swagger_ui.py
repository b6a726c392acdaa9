"""The vendored files of Swagger UI are those of its lock."""

from hashlib import sha256

from deploy.vendor_docs import FILES, FOLDER, read_lock
from services.query.http import reference_page


def test_the_vendored_files_have_the_digests_of_the_lock() -> None:
    found = {name: sha256((FOLDER / name).read_bytes()).hexdigest() for name in FILES}
    assert found == read_lock()["files"]


def test_the_served_files_are_the_vendored_ones_and_the_starter() -> None:
    assert reference_page.FOLDER == FOLDER
    assert reference_page.MEDIA_TYPES.keys() <= {*FILES, "start.js"}

"""A transcript from the archive takes its place beside Claude Code's own, and nothing that is here is lost."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.resume.place_file import Comparison, State, beside, compare, replace

SECRET = b'{"key": "sk-ant-api03-abc", "again": "sk-ant-api03-abc"}'
REDACTED = b'{"key": "[redacted:anthropic_key:0123abcd]", "again": "[redacted:anthropic_key:0123abcd]"}'
LINES = st.lists(st.sampled_from([b'{"a": 1}', b'{"b": 2}', b"", SECRET]), max_size=6)


def files(folder: Path, ours: bytes, theirs: Sequence[bytes]) -> tuple[Path, Path]:
    """The file here, and the archive's beside it."""
    here, archived = folder / "s.jsonl", folder / ".archived"
    here.write_bytes(ours)
    archived.write_bytes(text(theirs))
    return here, archived


def text(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def redacted(lines: Sequence[bytes]) -> list[bytes]:
    return [REDACTED if line == SECRET else line for line in lines]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (b"a\nb\n", [b"a", b"b"], Comparison(State.SAME, 2)),
        (b"a\n", [b"a", b"b", b"c"], Comparison(State.OLDER, 1, 0, 2)),
        (b"a\nb\nc\n", [b"a"], Comparison(State.NEWER, 1, 2, 0)),
        (b"a\nx\ny\n", [b"a", b"b"], Comparison(State.DIFFERENT, 1, 2, 1)),
        (b"", [b"a"], Comparison(State.OLDER, 0, 0, 1)),
        # A line that is still being written
        (b"a\nb", [b"a", b"bc"], Comparison(State.OLDER, 1, 0, 1)),
        (b"a\nb", [b"a"], Comparison(State.SAME, 1)),
        (SECRET[:20], [REDACTED], Comparison(State.OLDER, 0, 0, 1)),
        # The same, but the archive does not go on with it
        (b"a\nx", [b"a", b"bc"], Comparison(State.DIFFERENT, 1, 1, 1)),
        (SECRET + b"\n", [REDACTED], Comparison(State.SAME, 1)),
        (REDACTED + b"\n", [SECRET], Comparison(State.DIFFERENT, 0, 1, 1)),
        (b'{"key": "x", "other": "y"}\n', [REDACTED], Comparison(State.DIFFERENT, 0, 1, 1)),
        (b'{"key": ", "again": "x"}\n', [REDACTED], Comparison(State.DIFFERENT, 0, 1, 1)),
    ],
)
def test_two_files_are_compared_line_by_line(tmp_path: Path, ours: bytes, theirs: list[bytes], expected: Comparison) -> None:
    assert compare(*files(tmp_path, ours, theirs)) == expected


def test_a_file_that_is_not_here_is_missing_and_gets_the_archived_one_for_its_owner_alone(tmp_path: Path) -> None:
    target = tmp_path / "new/s.jsonl"
    with beside(target) as archived:
        archived.write_bytes(b"a\n")
        comparison = compare(target, archived)
        assert comparison.state is State.MISSING
        replace(target, archived, comparison)
    assert target.read_bytes() == b"a\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["s.jsonl"]


def test_a_file_that_does_not_take_its_place_is_removed(tmp_path: Path) -> None:
    with beside(tmp_path / "s.jsonl") as archived:
        archived.write_bytes(b"a\n")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_went_on_here_is_kept_beside_the_one_that_replaces_it(tmp_path: Path) -> None:
    here, archived = files(tmp_path, b"a\nx\n", [b"a", b"b"])
    replace(here, archived, compare(here, archived))
    assert here.read_bytes() == b"a\nb\n"
    assert (tmp_path / "s.jsonl.before-resume").read_bytes() == b"a\nx\n"


def test_what_was_kept_beside_it_before_stays(tmp_path: Path) -> None:
    for ours in (b"a\nx\n", b"a\ny\n"):
        here, archived = files(tmp_path, ours, [b"a", b"b"])
        replace(here, archived, compare(here, archived))
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path != tmp_path / "s.jsonl"}
    assert kept == {"s.jsonl.before-resume": b"a\nx\n", "s.jsonl.before-resume-2": b"a\ny\n"}


@given(LINES, LINES, st.booleans())
def test_an_older_file_keeps_its_lines_with_their_secrets_and_gets_the_rest(same: list[bytes], more: list[bytes], is_cut: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # The line that is still being written is the one with which the archive goes on.
        begun = (more[0][:15] if more else b'{"cut') if is_cut else b""
        here, archived = files(Path(folder), text(same) + begun, redacted([*same, *more]))

        comparison = compare(here, archived)
        replace(here, archived, comparison)

        assert comparison == Comparison(State.OLDER if more else State.SAME, len(same), 0, len(more))
        assert here.read_bytes() == text([*same, *redacted(more)]) + (b"" if more else begun)
        assert [path.name for path in Path(folder).iterdir()] == ["s.jsonl"]


@given(LINES, LINES)
def test_a_file_with_lines_that_the_archive_lacks_is_never_the_same_or_older(ours: list[bytes], theirs: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = compare(*files(Path(folder), text(ours), redacted(theirs)))

    common = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    assert (found.same, found.more_here, found.more_there) == (common, len(ours) - common, len(theirs) - common)

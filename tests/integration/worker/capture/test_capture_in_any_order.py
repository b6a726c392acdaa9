"""Live capture in any order, cut at any line's end, killed at any instant: the same tables as one import of the whole files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.worker.capture import file_reading
from services.worker.capture.parser_states import ParserStates
from services.worker.capture.read_captured import read_captured
from services.worker.importers.job import undo
from services.worker.resources import Resources
from shared.redaction.redacted_lines import redact_lines
from tests.example_counts import examples
from tests.integration.worker.all_tables import all_tables, empty, is_verified
from tests.integration.worker.capture.captured import import_files, put_range
from tests.integration.worker.random_transcripts import World, worlds
from tests.skips import SAMPLES, needs

relaxed = settings(
    max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class KilledError(Exception):
    """In place of the end of the process."""


@contextmanager
def killed(instant: str) -> Iterator[None]:
    """The process ends before it commits its next reading, or just after."""
    with pytest.MonkeyPatch.context() as patch:
        advance, store = file_reading.advance, read_captured.__globals__["store"]

        def before(*arguments: Any) -> None:
            advance(*arguments)
            raise KilledError

        def after(*arguments: Any) -> None:
            store(*arguments)
            raise KilledError

        if instant == "before":
            patch.setattr(file_reading, "advance", before)
        elif instant == "after":
            patch.setitem(read_captured.__globals__, "store", after)
        yield


@st.composite
def pieces(draw: st.DrawFn, world: World) -> list[tuple[tuple[str, str], bytes]]:
    """Every file cut at ends of lines; the order within a file stays."""
    left = {file: list(lines) for file, lines in world.items()}
    found = []
    while left:
        file = draw(st.sampled_from(sorted(left)))
        lines = left[file]
        take = draw(st.integers(1, len(lines)))
        found.append((file, b"".join(lines[:take])))
        del lines[:take]
        if not lines:
            del left[file]
    return found


def captured(
    worker: Resources, found: list[tuple[tuple[str, str], bytes]], data: st.DataObject, in_between: Callable[[], None] = lambda: None
) -> None:
    """Stores the pieces one by one. In between one of two processes reads, and may be killed."""
    processes = [ParserStates(), ParserStates()]
    for (session_id, file_name), content in found:
        with worker.transaction() as connection:
            put_range(connection, session_id, redact_lines(content, {}), file_name=file_name, original_bytes=len(content))
        in_between()
        if data.draw(st.booleans()):
            process = data.draw(st.integers(0, 1))
            instant = data.draw(st.sampled_from(("never", "never", "before", "after")))
            try:
                with killed(instant):
                    read_captured(worker, processes[process])
            except KilledError:
                processes[process] = ParserStates()
    in_between()
    while read_captured(worker, processes[data.draw(st.integers(0, 1))]):
        pass


def contents(world: World) -> list[bytes]:
    return [b"".join(lines) for lines in world.values()]


def tables_of_an_import(worker: Resources, folder: Path, world: World) -> dict[str, Any]:
    """The tables of an import of the whole files into an empty database; the database is empty again afterwards."""
    empty(worker)
    import_files(worker, folder, *contents(world))
    expected = all_tables(worker)
    empty(worker)
    return expected


@relaxed
@given(world=worlds(), data=st.data())
def test_captured_transcripts_are_the_same_as_imported_ones(
    worker: Resources, tmp_path_factory: pytest.TempPathFactory, world: World, data: st.DataObject
) -> None:
    expected = tables_of_an_import(worker, tmp_path_factory.mktemp("uploads"), world)

    captured(worker, data.draw(pieces(world)), data)

    assert all_tables(worker) == expected
    assert is_verified(worker)


@relaxed
@given(world=worlds(), data=st.data())
def test_imports_of_captured_transcripts_add_nothing_and_their_undo_takes_nothing(
    worker: Resources, tmp_path_factory: pytest.TempPathFactory, world: World, data: st.DataObject
) -> None:
    # Given what an import of the whole files makes
    folder = tmp_path_factory.mktemp("uploads")
    expected = tables_of_an_import(worker, folder, world)

    # When they are captured, and imported before, meanwhile and afterwards, some when they were shorter
    are_whole = data.draw(st.booleans())

    def import_some() -> None:
        if data.draw(st.integers(0, 2)) == 0:
            lines = data.draw(st.sampled_from(list(world.values())))
            import_files(worker, folder, b"".join(lines if are_whole else lines[: data.draw(st.integers(1, len(lines)))]))
            assert is_verified(worker)

    import_some()
    captured(worker, data.draw(pieces(world)), data, import_some)
    import_some()

    # Then all is the same, but for facts that a shorter file gave
    if are_whole:
        assert all_tables(worker) == expected
    assert is_verified(worker)

    # And the undo of these imports leaves what capture brought
    with worker.transaction() as connection:
        numbers = [row[0] for row in connection.execute("SELECT number FROM import_jobs WHERE kind = 'import'")]
    for number in numbers:
        take_back(worker, number)
    assert all_tables(worker) == expected
    assert is_verified(worker)


def take_back(worker: Resources, job_number: int) -> None:
    is_more = True
    while is_more:
        with worker.transaction() as connection:
            is_more = undo.undo_some(worker, connection, job_number)
            if not is_more:
                undo.clear_up(connection, job_number)


@needs("samples")
@pytest.mark.parametrize("folder", ["one-session", "transcripts"])
def test_captured_real_transcripts_are_the_same_as_imported_ones(worker: Resources, tmp_path: Path, folder: str) -> None:
    # Given real sessions, those of one folder at a time, with their subagents' files
    random = Random(14)
    for files in real_sessions(SAMPLES / folder, at_most=12):
        empty(worker)
        import_files(worker, tmp_path, *files.values())
        expected = all_tables(worker)

        # When each comes in ranges, those of all files in turn, to one of two processes
        empty(worker)
        processes = [ParserStates(), ParserStates()]
        left = {file: content.splitlines(keepends=True) for file, content in files.items()}
        while left:
            file = random.choice(sorted(left))
            taken, left[file] = left[file][: (some := random.choice((1, 7, 60, 400)))], left[file][some:]
            with worker.transaction() as connection:
                put_range(connection, file[0], redact_lines(b"".join(taken), {}), file_name=file[1], original_bytes=sum(map(len, taken)))
            if not left[file]:
                del left[file]
            while random.random() < 0.5 and read_captured(worker, random.choice(processes)):
                pass
        while read_captured(worker, random.choice(processes)):
            pass

        # Then the tables are the same
        assert all_tables(worker) == expected
        assert is_verified(worker)


def real_sessions(folder: Path, at_most: int) -> list[dict[tuple[str, str], bytes]]:
    """The files of each project's folder: (session, file name) → content."""
    found: dict[Path, dict[tuple[str, str], bytes]] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        if "projects" in path.parts and path.stat().st_size < 4_000_000:
            project = Path(*path.parts[: path.parts.index("projects") + 2])
            inner = path.relative_to(project)
            session, name = (inner.stem, inner.name) if len(inner.parts) == 1 else (inner.parts[0], "/".join(inner.parts[1:]))
            content = path.read_bytes()
            found.setdefault(project, {})[session, name] = content if content.endswith(b"\n") else content + b"\n"
    return list(found.values())[:at_most]

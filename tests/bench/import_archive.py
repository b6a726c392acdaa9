"""An archive of as many transcripts as wanted: the samples, and copies of them in which every id is another."""

import os
import re
import zipfile
from itertools import count
from pathlib import Path

_IDS = re.compile(rb"\b([0-9a-f]{2})([0-9a-f]{6}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b|\b(msg|toolu|req)_(?=[0-9A-Za-z])")


def samples() -> list[Path]:
    """The sample transcripts, if they are there."""
    folder = Path(os.environ.get("TRACKER_SAMPLES", Path(__file__).parents[3] / "shared/samples"))
    return sorted(folder.glob("transcripts/*/projects/**/*.jsonl"))


def make_archive(files: list[Path], archive: Path, wanted_bytes: int) -> int:
    """Writes a zip of at least so many bytes, unpacked; gives how many. The first copy is the samples themselves. ValueError without samples."""
    _check(files)
    written = 0
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for copy in count():
            for number, path in enumerate(files):
                if copy and written >= wanted_bytes:
                    return written
                content = path.read_bytes()
                target.writestr(f"{copy}/projects/{number}.jsonl", _with_fresh_ids(content, copy) if copy else content)
                written += len(content)
            if written >= wanted_bytes:
                return written
    return written


def make_home(files: list[Path], home: Path, wanted_bytes: int) -> int:
    """Writes a home folder with .claude/projects of at least so many bytes; gives how many. The first copy is the samples themselves.

    ValueError without samples.
    """
    _check(files)
    written = 0
    for copy in count():
        for path in files:
            if copy and written >= wanted_bytes:
                return written
            content = path.read_bytes()
            # Behind `projects`: the project's folder, which each copy has of its own, and the file.
            project, *rest = path.parts[path.parts.index("projects") + 1 :]
            place = home / ".claude/projects" / (f"{project}-{copy}" if copy else project)
            name = "/".join(rest)
            target = place / (_with_fresh_ids(name.encode(), copy).decode() if copy else name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_with_fresh_ids(content, copy) if copy else content)
            written += len(content)
        if written >= wanted_bytes:
            return written
    return written


def _check(files: list[Path]) -> None:
    if not files:
        raise ValueError("There are no sample transcripts; set TRACKER_SAMPLES to the folder that has them.")


def _with_fresh_ids(content: bytes, copy: int) -> bytes:
    """UUIDs with another first byte, and the API's ids with the number of the copy in them: different for each copy, the same within it."""

    def fresh(match: re.Match[bytes]) -> bytes:
        first, rest, kind = match.groups()
        return b"%s_%dc" % (kind, copy) if kind else b"%02x%s" % (int(first, 16) ^ copy, rest)

    return _IDS.sub(fresh, content)

"""Files on disk for tests of the client."""

from pathlib import Path

from client.history.claude_files import LocalFile


def local_file(path: Path, content: bytes, *, name: str | None = None) -> LocalFile:
    """Written, and as `find` would see it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return seen(path, name=name)


def seen(path: Path, *, name: str | None = None) -> LocalFile:
    status = path.stat()
    return LocalFile(path, name or path.name, status.st_size, status.st_mtime_ns)


def nothing(_: object) -> None:
    """For who wants to hear nothing."""

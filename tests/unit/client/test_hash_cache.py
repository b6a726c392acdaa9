"""The hash cache remembers file contents between runs until a file changes. An unusable cache only costs time."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from client.history.contents import BecameShorter, content_of
from client.history.hash_cache import Content, HashCache, cache_path
from tests.unit.client.local_files import local_file, nothing, seen

ROW = b'{"type": "user", "sessionId": "s", "uuid": "u"}\n'
KNOWN = Content("transcript", "ab" * 32)


def test_an_entry_survives_to_the_next_run_until_its_file_changes(tmp_path: Path) -> None:
    file = local_file(tmp_path / "a.jsonl", ROW)
    first = HashCache(tmp_path / "cache/contents.json")
    first.put(file, KNOWN)
    first.save()

    second = HashCache(tmp_path / "cache/contents.json")

    assert second.get(file) == KNOWN
    assert second.get(local_file(file.path, ROW * 2)) is None
    os.utime(file.path, ns=(1, 1))
    assert second.get(seen(file.path)) is None


def test_entries_of_deleted_files_are_dropped(tmp_path: Path) -> None:
    gone, stays = local_file(tmp_path / "gone.jsonl", ROW), local_file(tmp_path / "stays.jsonl", ROW)
    cache = HashCache(tmp_path / "contents.json")
    cache.put(gone, KNOWN)
    cache.save()
    gone.path.unlink()

    later = HashCache(tmp_path / "contents.json")
    later.put(stays, KNOWN)
    later.save()

    reread = HashCache(tmp_path / "contents.json")
    assert (reread.get(gone), reread.get(stays)) == (None, KNOWN)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 0, "files": {}}', '{"version": 1, "files": {"a": 3, "b": [1]}}'])
def test_an_unreadable_cache_counts_as_empty_and_is_rewritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "contents.json"
    path.write_text(content)
    file = local_file(tmp_path / "a.jsonl", ROW)
    cache = HashCache(path)
    assert cache.get(file) is None
    cache.put(file, KNOWN)
    cache.save()
    assert HashCache(path).get(file) == KNOWN


def test_an_unwritable_cache_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = HashCache(tmp_path / "file/contents.json")
    cache.put(local_file(tmp_path / "a.jsonl", ROW), KNOWN)
    cache.save()
    assert cache.get(seen(tmp_path / "a.jsonl")) == KNOWN


def test_cache_path_follows_the_platform_convention(tmp_path: Path) -> None:
    end = Path("claude-code-tracker/contents.json")
    assert cache_path({}, tmp_path, "linux") == tmp_path / ".cache" / end
    assert cache_path({"XDG_CACHE_HOME": "/c"}, tmp_path, "linux") == "/c" / end
    assert cache_path({}, tmp_path, "darwin") == tmp_path / "Library/Caches" / end
    assert cache_path({"LOCALAPPDATA": "/l"}, tmp_path, "win32") == "/l" / end


def test_content_is_the_kind_and_the_hash_of_the_bytes_present_when_found(tmp_path: Path) -> None:
    file = local_file(tmp_path / "a.jsonl", ROW)
    with file.path.open("ab") as opened:
        opened.write(b"more")
    read: list[int] = []
    assert content_of(file, read.append) == Content("transcript", sha256(ROW).hexdigest())
    assert sum(read) == len(ROW)


def test_a_file_that_shrank_since_it_was_found_is_an_error(tmp_path: Path) -> None:
    file = local_file(tmp_path / "a.jsonl", ROW * 5_000)
    file.path.write_bytes(ROW * 4_000)
    with pytest.raises(BecameShorter):
        content_of(file, nothing)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "unknown"), (b'{"claudeAiOauth": {}}', "credentials"), (b"\x28\xb5\x2f\xfd", "tar_zst"), (b"hello", "unknown")],
)
def test_files_not_deduplicated_by_content_are_not_hashed(tmp_path: Path, content: bytes, kind: str) -> None:
    found = content_of(local_file(tmp_path / "a", content), nothing)
    assert (found.kind, found.sha256) == (kind, "")

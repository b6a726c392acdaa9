"""Members of archives come one by one, detected by content. Their names are shown and never opened."""

import io
import tarfile
import zipfile
from typing import Any

import pytest

from services.worker.importers.archives.archive_members import ArchiveSummary, Member, read_members
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.records import Message
from shared.claude_formats.upload_kinds import Kind
from tests.unit.worker.importers.archives.made_archives import PACK, codes, members, opened, session
from tests.unit.worker.importers.merged import IDLE_GAP

FOLDER = {
    "./.claude/projects/-p/one.jsonl": session(1),
    ".claude/projects/-p/one/subagents/agent-a.meta.json": b'{"agentType":"Explore","description":"x"}',
    ".claude/projects/-p/one/tool-results/x.txt": session(8),
    ".claude/history.jsonl": b'{"display":"hi","timestamp":1759105062139,"project":"/p"}\n',
    ".claude/projects/-p/sessions-index.json": b'{"version":1,"entries":[]}',
    ".claude.json": b'{"numStartups":1,"projects":{"/p":{}}}',
    ".claude/projects/-p/memory/MEMORY.md": b"# Notes\n",
    ".claude/empty.jsonl": b"",
    ".claude/wrong-extension.png": session(2),
}
KINDS = ["transcript", "history", "sessions_index", "claude_json", "transcript"]


@pytest.mark.parametrize("kind", PACK)
def test_importable_members_come_complete_and_others_are_counted(kind: Kind) -> None:
    found = opened(kind, PACK[kind](FOLDER))

    assert [member_kind for _, member_kind, _ in members(found)] == KINDS
    assert [content for _, member_kind, content in members(found) if member_kind == "transcript"] == [session(1), session(2)]
    assert found[-1] == ArchiveSummary(given={"transcript": 2, "history": 1, "sessions_index": 1, "claude_json": 1}, skipped={"unknown": 4})
    assert codes(found) == []


@pytest.mark.parametrize("kind", PACK)
def test_a_transcript_in_an_archive_gives_the_same_records_as_alone(kind: Kind) -> None:
    file: Any = io.BytesIO(PACK[kind]({"a": session(1)}))
    [member] = [one for one in read_members(file, kind) if isinstance(one, Member) and _has_50_messages(one)]
    assert (member.index, member.name) == (0, "a")


def _has_50_messages(member: Member) -> bool:
    records = list(read_transcript(member.file, user=None, idle_gap=IDLE_GAP))
    return len([record for record in records if isinstance(record, Message)]) == 50 and member.file.tell() == len(session(1))


@pytest.mark.parametrize("kind", PACK)
def test_members_can_be_skipped_or_selected_by_index(kind: Kind) -> None:
    packed = PACK[kind]({f"{n}": session(n) for n in range(6)})
    file: Any = io.BytesIO(packed)
    assert [one.index for one in read_members(file, kind) if isinstance(one, Member)] == list(range(6))
    assert [(name, content) for name, _, content in members(opened(kind, packed, only=range(2, 4)))] == [
        ("2", session(2)),
        ("3", session(3)),
    ]


@pytest.mark.parametrize("kind", PACK)
def test_credentials_are_detected_by_name_or_content_and_left_out(kind: Kind) -> None:
    secret = b'{"claudeAiOauth":{"accessToken":"sk-ant-canary"}}'
    found = opened(kind, PACK[kind]({".claude/.credentials.json": b"sk-ant-canary", "harmless.jsonl": secret, "a": session(1)}))
    assert codes(found) == ["CREDENTIALS", "CREDENTIALS"]
    assert [".claude/.credentials.json" in found[0].message, "harmless.jsonl" in found[1].message] == [True, True]
    assert [name for name, _, _ in members(found)] == ["a"]
    assert "canary" not in repr(found)


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("inner", PACK)
def test_nested_archives_are_not_opened(kind: Kind, inner: Kind) -> None:
    found = opened(kind, PACK[kind]({"inner": PACK[inner]({"a": session(1)}), "b": session(2)}))
    assert codes(found) == ["NESTED_ARCHIVE"]
    assert [name for name, _, _ in members(found)] == ["b"]


@pytest.mark.parametrize("kind", PACK)
def test_member_names_are_sanitized_for_display(kind: Kind) -> None:
    names = ["../../etc/passwd", "/abs", "C:\\x", "x" * 5000, "a\x1b[31m", "näme"]
    found = members(opened(kind, PACK[kind]({name: session(1, 1) for name in names})))
    shown = [name for name, _, _ in found]
    assert len(shown) == len(names)
    assert all(name.isprintable() and len(name) <= 255 for name in shown)


def test_only_regular_files_of_a_tar_are_opened() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
            header = tarfile.TarInfo("x")
            header.type, header.linkname = kind, "/etc/passwd"
            tar.addfile(header)
    assert opened("tar", packed.getvalue()) == [ArchiveSummary(given={}, skipped={})]


def test_symlinks_in_a_zip_are_not_followed() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, session(1))
    assert members(opened("zip", packed.getvalue())) == []

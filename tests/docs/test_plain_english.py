"""Documents are written in plain English, as far as a check can tell: short lines, short sentences, no riddles, short commit subjects."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.docs.test_documents import DOCUMENTS, ROOT

MAX_LINE, MAX_WORDS, MAX_SUBJECT = 100, 30, 72
# Records of measurements are not rewritten for style.
RECORDS = "docs/evidence/"
# Commits after this one have short subjects.
FIRST_COMMIT = "a1bea82"
RIDDLES = re.compile(
    r"\b(?i:whoever|whosoever|is none(?! of)|are none(?! of)|be it|is said|are said|the enemy|wears? it out|whatever dies|say it to"
    r"|(?:door)?bells?|patience|bury|buried)\b|(?:^|\n\n|[-*] |[.!?:]\s)(?:Of|Who|Nobody|Whatever)\s"
)


def prose_of(document: str) -> str:
    """Without blocks of code, tables, and the targets of links. Code in a line is one word."""
    text = (ROOT / document).read_text(encoding="utf-8")
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^ *\|.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`\n]*`", "code", text)
    return re.sub(r"\]\([^)]*\)", "]", text)


def cells_of(document: str) -> Iterator[str]:
    """The texts in its tables."""
    for row in re.findall(r"^ *\|(.*)\|$", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE):
        yield from (re.sub(r"`[^`]*`", "code", cell).strip() for cell in row.split("|"))


def sentences_of(prose: str) -> Iterator[str]:
    """A paragraph, heading or item of a list is at least one."""
    for paragraph in re.split(r"\n\s*\n|^\s*(?:[-*]|\d+\.) |^#+ ", prose, flags=re.MULTILINE):
        yield from filter(None, re.split(r"(?<=[.!?])\s+", " ".join(paragraph.split())))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_lines_have_at_most_100_columns(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    text = re.sub(r"^ *```.*?^ *```$", lambda block: "\n" * block[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    long = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > MAX_LINE and not line.lstrip().startswith("|") and "](" not in line and "://" not in line
    ]
    assert long == []


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if not name.startswith(RECORDS)])
def test_sentences_have_at_most_30_words(document: str) -> None:
    long = [sentence for sentence in sentences_of(prose_of(document)) if len(sentence.split()) > MAX_WORDS]
    assert long == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_phrase_is_a_riddle(document: str) -> None:
    text = "\n\n".join((prose_of(document), *cells_of(document)))
    assert [found[0] for found in RIDDLES.finditer(text)] == []


def test_commit_subjects_have_at_most_72_characters() -> None:
    """Where the history is there: not in a shallow clone, nor in an archive."""
    log = subprocess.run(["git", "log", "--format=%s", f"{FIRST_COMMIT}..HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    subjects = log.stdout.splitlines() if log.returncode == 0 else []
    assert [subject for subject in subjects if len(subject) > MAX_SUBJECT] == []

"""Documents are written in plain English, as far as a check can tell: short lines, short sentences, no riddles."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, ROOT

MAX_LINE, MAX_WORDS = 100, 30
# Records of measurements are not rewritten for style.
RECORDS = "docs/evidence/"
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


def long_lines_of(document: str) -> Iterator[int]:
    text = (ROOT / document).read_text(encoding="utf-8")
    text = re.sub(r"^ *```.*?^ *```$", lambda block: "\n" * block[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > MAX_LINE and not line.lstrip().startswith("|") and "](" not in line and "://" not in line:
            yield number


def riddles_of(document: str) -> Iterator[str]:
    text = "\n\n".join((prose_of(document), *cells_of(document)))
    return (found[0] for found in RIDDLES.finditer(text))


def test_lines_have_at_most_100_columns() -> None:
    assert {document: found for document in DOCUMENTS if (found := list(long_lines_of(document)))} == {}


def test_sentences_have_at_most_30_words() -> None:
    sentences = [(name, sentence) for name in DOCUMENTS if not name.startswith(RECORDS) for sentence in sentences_of(prose_of(name))]
    assert [(name, sentence) for name, sentence in sentences if len(sentence.split()) > MAX_WORDS] == []


def test_no_phrase_is_a_riddle() -> None:
    assert {document: found for document in DOCUMENTS if (found := list(riddles_of(document)))} == {}


RIDDLES_OF_CODE = re.compile(
    r"(?:(?:^|[.!?:;]\s)(?:What|Of|Who|Whoever|Whatever|Nobody)\b|\b(?:is none|are none|be it|is said|are said)\b(?! of)).{0,60}",
    re.MULTILINE,
)


def prose_of_code(path: Path) -> Iterator[str]:
    """Docstrings, and comments, those of neighbouring lines together; a paragraph is one line."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        others = r"^(?! *--).*|^-- (?:name|part): .*"
        for comment in re.sub(others, "", text, flags=re.MULTILINE).split("\n\n"):
            yield " ".join(re.sub(r"^ *-+", "", comment, flags=re.MULTILINE).split())
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                yield " ".join(paragraph.split())
    comments, last = list[str](), 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            is_going_on = token.start[0] == last + 1 and token.line.lstrip().startswith("#")
            comments.append(f"{' ' if is_going_on else chr(10)}{token.string.lstrip('# ')}")
            last = token.start[0]
    yield "".join(comments).strip()


@pytest.mark.parametrize("folder", ["services", "shared", "deploy", "client", "tests"])
def test_docstrings_and_comments_are_no_riddles(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0].strip()}"
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix == ".py" or (path.suffix == ".sql" and "migrations" not in path.parts)
        for prose in prose_of_code(path)
        for match in RIDDLES_OF_CODE.finditer(prose)
    ]
    assert found == []

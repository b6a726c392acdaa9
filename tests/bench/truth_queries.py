"""A hundred searches of all sorts: a fixed list, and the rest chosen from the stored texts by chance, always the same."""

import re
from random import Random

from msgspec import Struct

from tests.bench.truth_texts import Need, Text

_WORD = re.compile(r"\b[A-Za-z]{4,20}\b")
_IDENTIFIER = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b|\b[a-z]+(?:[A-Z][a-z]+)+\b")
_PHRASE = re.compile(r"\b[A-Za-z]+(?: [A-Za-z]+){1,3}\b")
_PATH = re.compile(r"\b[\w-]+(?:/[\w-]+){1,4}\.[a-z]{1,4}\b")
_ERROR = re.compile(r"\b[A-Za-z]+Error\b|\b[A-Z]+\d{2,}\b|\bexit code \d+\b|\b(?:No such|not found|failed)(?: [a-z]+)+\b")
_CJK = re.compile("[\u3040-\u30ff\u4e00-\u9fff]{1,3}")
_EMOJI = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")
_ACCENTED = re.compile(r"\b\w*[àâäáãåæçéèêëíìîïñóòôöõøœúùûüýÿß]\w*\b")

# Texts with signs, in words.
_SIGNS = ("--no-verify", "--force", "=>", "C++", "fix(", "->", "std::", "!=", "~/.claude", "node_modules/", "100%", "main()")
_LITERALS = ("--no-verify", "=>", "fix(", "C++", " = ", "検索", "don't")
_PATTERNS = (r"E\d{4}", r"def \w+_test", r"v\d+\.\d+\.\d+", "TODO|FIXME", r"https?://[a-z]+\.")


class Asked(Struct):
    """A search, and what each text must have that it finds."""

    sort: str
    q: str
    alternatives: list[list[Need]]
    mode: str = "words"
    tool: str | None = None
    is_error: bool = False


def hundred(texts: list[Text], seed: int) -> list[Asked]:
    """Fixed and chosen ones."""
    random = Random(seed)
    asked = [Asked("signs", q, [[Need("exact", q, is_open=True)]]) if not q.isalnum() else _word("signs", q) for q in _SIGNS]
    asked += [Asked("literal", q, [[Need("anywhere", q)]], "literal") for q in _LITERALS]
    asked += [Asked("pattern", q, [[Need("pattern", q)]], "regex") for q in _PATTERNS]
    asked += [_word("word", _pick(random, texts, _WORD)) for _ in range(10)]
    asked += [_word("identifier", _pick(random, texts, _IDENTIFIER)) for _ in range(6)]
    asked += [_word("part of one", _part(random, _pick(random, texts, _IDENTIFIER))) for _ in range(8)]
    asked += [_two(random, texts) for _ in range(8)]
    asked += [_phrase("phrase", _pick(random, texts, _PHRASE)) for _ in range(10)]
    asked += [_exact("path", _pick(random, texts, _PATH)) for _ in range(6)]
    asked += [_phrase("error", _pick(random, texts, _ERROR)) for _ in range(5)]
    asked += [_literal(random, texts) for _ in range(9)]
    for sort, pattern in (("CJK", _CJK), ("emoji", _EMOJI), ("accents", _ACCENTED)):
        asked += [_word(sort, _pick(random, texts, pattern)) for _ in range(2)]
    asked += [_not(random, texts) for _ in range(2)] + [_or(random, texts) for _ in range(2)]
    asked += [_filtered(random, texts, number) for number in range(100 - len(asked))]
    return asked


def _pick(random: Random, texts: list[Text], pattern: re.Pattern[str]) -> str:
    for _ in range(20_000):
        found = pattern.findall(random.choice(texts).content[:16_000])
        if found:
            return str(random.choice(found))
    return "nothing of this kind"


def _part(random: Random, identifier: str) -> str:
    parts = re.split(r"_|(?<=[a-z])(?=[A-Z])", identifier)
    return random.choice(parts)


def _word(sort: str, q: str) -> Asked:
    # A word of three letters may be unfinished.
    kind = "exact" if re.search(r"[^\w]", q) else "word"
    return Asked(sort, q, [[Need(kind, q, is_open=len(q) >= 3)]])


def _exact(sort: str, q: str) -> Asked:
    return Asked(sort, q, [[Need("exact", q, is_open=True)]])


def _phrase(sort: str, q: str) -> Asked:
    return Asked(sort, f'"{q}"', [[Need("exact" if " " in q else "word", q)]])


def _pair(random: Random, texts: list[Text]) -> tuple[str, str]:
    while True:
        found = _WORD.findall(random.choice(texts).content[:16_000])
        if len(set(found)) >= 2:
            first, second = random.sample(sorted(set(found)), 2)
            if "or" not in (first.lower(), second.lower()):
                return first, second


def _two(random: Random, texts: list[Text]) -> Asked:
    first, second = _pair(random, texts)
    return Asked("two words", f"{first} {second}", [[Need("word", first), Need("word", second, is_open=True)]])


def _not(random: Random, texts: list[Text]) -> Asked:
    first, second = _pair(random, texts)
    return Asked("not", f"-{second} {first}", [[Need("word", second, is_excluded=True), Need("word", first, is_open=True)]])


def _or(random: Random, texts: list[Text]) -> Asked:
    first, second = _pair(random, texts)
    return Asked("or", f"{first} or {second}", [[Need("word", first)], [Need("word", second, is_open=True)]])


def _literal(random: Random, texts: list[Text]) -> Asked:
    while True:
        content = random.choice(texts).content[:16_000]
        at = random.randrange(max(len(content) - 4, 1))
        text = content[at : at + random.randint(4, 14)]
        if len(text) >= 4 and text.strip():
            return Asked("literal", text, [[Need("anywhere", text)]], "literal")


def _filtered(random: Random, texts: list[Text], number: int) -> Asked:
    of_calls = [text for text in texts if text.is_error] if number % 2 else [text for text in texts if text.tool_name == "Bash"]
    asked = _word("filter", _pick(random, of_calls, _WORD))
    if number % 2:
        return Asked(asked.sort, f"is:error {asked.q}", asked.alternatives, is_error=True)
    return Asked(asked.sort, f"tool:Bash {asked.q}", asked.alternatives, tool="Bash")

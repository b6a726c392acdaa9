"""`python -m tests.bench.search_truth`: whether a search finds all that it should, and how long it takes.

The sample transcripts (TRACKER_SAMPLES, default ../shared/samples) are imported into PostgreSQL with the settings of the embedded stack, and a query
host makes its index. Then a hundred searches are asked, newest first to the last page, and best first. The matches that each must find are computed
from the tables with Python's own means. A missed text is one in which a word stands as a whole, or as a part of an identifier, and that was not found.
"""

import argparse
import re
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from msgspec import Struct

from services.query.answers.search import DocumentPage
from services.query.queries.lists.paging import Paging
from services.query.queries.search.search_documents import Wanted, search_documents
from tests.bench.import_archive import make_archive, samples
from tests.bench.imports import add_job, run_job
from tests.bench.report import machine
from tests.bench.search_host import SearchService, search_host, settle
from tests.bench.stack import own_servers
from tests.bench.truth_texts import Need, Text, may_match, must_match, stored_texts

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


SHARES = 2


@contextmanager
def samples_database(url: str | None, files: list[Path]) -> Iterator[str]:
    """The URL of one: this one, which has the samples already; or a new one with the settings of the embedded stack, which is gone afterwards."""
    if url is not None:
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="tracker-bench-"))
    folder.chmod(0o755)
    try:
        with own_servers(folder) as (postgres, redis):
            archive = folder / "samples.zip"
            make_archive(files, archive, 0)
            run_job(postgres.url, redis.url, add_job(postgres.url, archive, SHARES), SHARES, None)
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            yield postgres.url
    finally:
        shutil.rmtree(folder)


# If a search has more matches, this many are compared.
MOST_PAGES, PAGE = 5, 1_000
# So many are printed of what a search missed.
_SHOWN = 12


class Outcome(Struct):
    """A search's outcome: how many it must find, what it missed and found wrongly, and milliseconds."""

    asked: Asked
    expected: int
    missed: list[Text]
    wrong: list[Text]
    newest_ms: float
    best_ms: float
    is_complete: bool


def main() -> None:
    """Prints a table by sort of search, what was missed, and the latencies."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.search_truth")
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--hundreds", type=int, default=1, help="of searches, each with the next seed")
    parser.add_argument("--database", help="URL of one that has the samples already")
    options = parser.parse_args()
    files = samples()
    if not files:
        raise SystemExit("There are no sample transcripts (TRACKER_SAMPLES).")
    with samples_database(options.database, files) as url, tempfile.TemporaryDirectory() as folder:
        texts = stored_texts(url)
        print(f"{len(texts):,} texts of {len(files)} transcripts. {machine()}\n", flush=True)
        with search_host(url, Path(folder)) as service:
            settle(service.index)
            asked = {(each.mode, each.q): each for more in range(options.hundreds) for each in hundred(texts, options.seed + more)}
            outcomes = [_outcome(service, each, texts) for each in asked.values()]
    _print(outcomes)


def _outcome(service: SearchService, asked: Asked, texts: list[Text]) -> Outcome:
    newest_ms, first = _first_page(service, asked, "newest")
    best_ms, _ = _first_page(service, asked, "best")
    found, last = _all_found(service, asked)
    in_reach = [text for text in texts if _passes(text, asked) and (last is None or (text.at or _EARLIEST) > last)]
    expected = [text for text in in_reach if must_match(text, asked.alternatives)]
    right = {text.id for text in texts if _passes(text, asked) and may_match(text, asked.alternatives)}
    by_id = {text.id: text for text in texts}
    missed = [text for text in expected if text.id not in found]
    wrong = [by_id[found_id] for found_id in found if found_id in by_id and found_id not in right]
    unknown = [found_id for found_id in found if found_id not in by_id]
    if unknown:
        raise RuntimeError(f"{asked.q!r} found what is not stored: {unknown[:3]}")
    return Outcome(asked, len(expected), missed, wrong, newest_ms, best_ms, first.is_complete)


_EARLIEST = datetime.min.replace(tzinfo=UTC)


def _passes(text: Text, asked: Asked) -> bool:
    return (asked.tool is None or text.tool_name == asked.tool) and (text.is_error or not asked.is_error)


def _first_page(service: SearchService, asked: Asked, sort: Any) -> tuple[float, DocumentPage]:
    begun = time.perf_counter()
    with service.database.connection() as connection:
        answer = search_documents(connection, service.index, _wanted(asked, sort), Paging(50, None, "truth"))
    return (time.perf_counter() - begun) * 1000, answer


def _all_found(service: SearchService, asked: Asked) -> tuple[set[str], datetime | None]:
    """All ids, newest first; with too many pages, until the time that is given."""
    found: set[str] = set()
    cursor, at = None, None
    for _ in range(MOST_PAGES):
        with service.database.connection() as connection:
            answer = search_documents(connection, service.index, _wanted(asked, "newest"), Paging(PAGE, cursor, "truth"))
        found |= {str(item.id) for item in answer.items or ()}
        at = answer.items[-1].timestamp if answer.items else at
        cursor = answer.next_cursor
        if cursor is None:
            return found, None
    return found, at


def _wanted(asked: Asked, sort: Any) -> Wanted:
    return Wanted(
        text=asked.q,
        mode=asked.mode,  # type: ignore[arg-type]
        given={},
        tz=ZoneInfo("UTC"),
        is_case_sensitive=False,
        sort=sort,
        by_session=False,
        with_context=False,
        with_content=False,
        corrects=False,
        is_bound=False,
    )


def _print(outcomes: list[Outcome]) -> None:
    by_sort: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_sort[outcome.asked.sort].append(outcome)
    by_sort["all"] = outcomes
    print(
        "| sort | searches | must be found | missed | recall | found wrongly | newest p50 / p95 ms | best p50 / p95 ms |\n|" + " --- |" * 8
    )
    for sort, of_sort in by_sort.items():
        expected = sum(each.expected for each in of_sort)
        missed, wrong = sum(len(each.missed) for each in of_sort), sum(len(each.wrong) for each in of_sort)
        recall = f"{(expected - missed) / expected:.4%}" if expected else "-"
        times = (_times([each.newest_ms for each in of_sort]), _times([each.best_ms for each in of_sort]))
        print(f"| {sort} | {len(of_sort)} | {expected:,} | {missed} | {recall} | {wrong} | {' | '.join(times)} |")
    print(f"\n{sum(not each.is_complete for each in outcomes)} were incomplete. The slowest:")
    for each in sorted(outcomes, key=lambda outcome: -max(outcome.newest_ms, outcome.best_ms))[:5]:
        print(
            f"  {each.asked.q!r} ({each.asked.mode}): newest {each.newest_ms:.0f} ms, best {each.best_ms:.0f} ms, {each.expected} matches"
        )
    _print_differences(outcomes)


def _print_differences(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        for name, texts in (("missed", each.missed), ("wrong", each.wrong)):
            for text in texts[:_SHOWN]:
                print(f"{name} by {each.asked.q!r} ({each.asked.mode}): {text.id}, {len(text.content):,} characters")


def _times(milliseconds: list[float]) -> str:
    in_order = sorted(milliseconds)
    return f"{statistics.median(in_order):.0f} / {in_order[int(len(in_order) * 0.95)]:.0f}"


if __name__ == "__main__":
    main()

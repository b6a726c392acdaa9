"""Questions for the query service: by endpoint, a random mix of parameters as people and dashboards would use them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import quote

from tests.bench.asking import Asker, url
from tests.bench.plan import END, MODELS, PROJECTS, YEARS, Plan
from tests.bench.vocabulary import FIRST_IDENTIFIER_RANK, identifiers, ranked_words

# Words up to this rank are half of all texts.
FREQUENT_RANK = 150


def words_of(texts: list[str]) -> dict[str, Callable[[Random], str]]:
    """By kind of query, what makes one. `texts` are messages that exist: phrases and rare words are taken out of them."""
    ranked = ranked_words()
    plain = [word for word in ranked if word.isalpha() and word.islower()]
    found = set(ranked)
    names = [name for name in identifiers() if name in found]

    def rare(random: Random) -> str:
        text = random.choice(texts)
        hashes: list[str] = re.findall(r"\b[0-9a-f]{7}\b", text)
        return random.choice(hashes or ["f00ba12"])

    def phrase(random: Random) -> str:
        words: list[str] = []
        while len(words) < 4:
            words = re.findall(r"[a-z]+(?: [a-z]+)+", random.choice(texts))
            words = max((run.split() for run in words), key=len, default=[])
        at = random.randrange(len(words) - 2)
        return f'"{" ".join(words[at : at + 3])}"'

    frequent = set(plain[:FREQUENT_RANK])

    def frequent_phrase(random: Random) -> str:
        found: list[str] = []
        while not found:
            words = [word if word in frequent else "" for word in random.choice(texts).split(" ")]
            found = [" ".join(run) for run in zip(words, words[1:], words[2:], strict=False) if all(run)]
        return f'"{random.choice(found)}"'

    def part(random: Random) -> str:
        return re.split(r"[._/]|(?<=[a-z])(?=[A-Z])", random.choice(names))[-1]

    return {
        "a frequent word": lambda r: r.choice(plain[20:150]),
        "a word": lambda r: r.choice(plain[150:FIRST_IDENTIFIER_RANK]),
        "a rare word": lambda r: r.choice(plain[-800:]),
        "a hash": rare,
        "two words": lambda r: f"{r.choice(plain[100:600])} {r.choice(plain[100:600])}",
        "a phrase": phrase,
        "a phrase of frequent words": frequent_phrase,
        "an identifier": lambda r: r.choice(names),
        "a part of one": part,
        "or, and not": lambda r: f"{r.choice(plain[300:900])} or {r.choice(plain[300:900])} -{r.choice(plain[20:300])}",
    }


def literals_of(texts: list[str]) -> dict[str, Callable[[Random], str]]:
    """By kind, what makes one: pieces of texts that exist, as they stand."""

    def piece(random: Random, least: int, most: int) -> str:
        found = ""
        while len(found.strip()) < least:
            text = random.choice(texts).replace("\n", " ")
            at, length = random.randrange(max(1, len(text) - most)), random.randint(least, most)
            found = text[at : at + length]
        return found

    def sign(random: Random) -> str:
        return random.choice((". ", "`", ") ", ": ", " (", "\n- ")) + random.choice(identifiers())[:4]

    return {
        "12 to 40 characters": lambda r: piece(r, 12, 40),
        "4 to 8 characters": lambda r: piece(r, 4, 8),
        "within an identifier": lambda r: r.choice(identifiers())[2:9],
        "signs and letters": sign,
    }


def patterns_of(texts: list[str]) -> dict[str, Callable[[Random], str]]:
    """By kind, what makes a regular expression: of words of a text that exists, or without any."""

    def neighbours(random: Random) -> list[str]:
        words: list[str] = []
        while len(words) < 2:
            words = re.findall(r"[a-z]{4,}", random.choice(texts))
        at = random.randrange(len(words) - 1)
        return words[at : at + 2]

    return {
        "two words with little between": lambda r: r"\W{1,3}".join(neighbours(r)),
        "one word or another": lambda r: "|".join(neighbours(r)),
        "the beginning of a word": lambda r: rf"\b{neighbours(r)[0][:4]}\w+\(",
        "signs and digits": lambda r: r.choice((r"v\d+\.\d+\.\d+", r"E\d{4}", r"0x[0-9a-f]{4,}", r"\d{3,}ms", r"https?://[a-z]+\.")),
    }


def questions_of(texts: list[str]) -> dict[str, Callable[[Random], str]]:
    """By kind, what makes a question, as people ask for a session."""

    def of(random: Random) -> list[str]:
        words: list[str] = []
        while len(words) < 4:
            words = re.findall(r"[a-z]{4,}", random.choice(texts))
        return random.sample(words, 4)

    def misspelt(random: Random) -> str:
        words = of(random)
        at = random.randrange(1, len(words[0]) - 1)
        return " ".join([words[0][:at] + words[0][at + 1 :], *words[1:]])

    return {
        "a question": lambda r: "where did we {} the {} so that {} works with {}".format(*of(r)),
        "four words, one misspelt": misspelt,
    }


ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata")
TOOL_NAMES = ("Bash", "Read", "Edit", "Grep", "Agent")
# Milliseconds, and of what.
READ_TARGET, SEARCH_TARGET, LITERAL_TARGET = ("http p99", 50.0), ("http p95", 100.0), ("http p95", 300.0)
TIMELINE_TARGET = ("http p99", 30.0)
DEEP_PAGES = 40


@dataclass(frozen=True, slots=True)
class Question:
    """A row of the table. `ask` makes a URL, a different one each time."""

    name: str
    ask: Callable[[Random], str]
    target: tuple[str, float] = READ_TARGET


class Known:
    """Things to ask about: from the plan, and found by asking."""

    def __init__(self, plan: Plan, asker: Asker) -> None:
        self.users, self.files = plan.user_names, plan.file_paths
        self.session_ids = [session.session_id for session in Random("known").sample(plan.sessions, min(1000, len(plan.sessions)))]
        self.cursors = {path: list(_cursors(asker, path)) for path in ("/api/sessions", "/api/conversations", "/api/activities")}
        recent = asker.get("/api/conversations", limit=1000, end_date=END - timedelta(days=200))
        self.texts = [item["content"] for item in recent["items"]]
        self.long_session = f"/api/sessions/{plan.long_session_id}"
        self.long_turn_cursors = list(_cursors(asker, f"{self.long_session}/turns", limit=12))
        self.long_items = list(_item_ids(asker, f"{self.long_session}/timeline"))

    def project(self, random: Random) -> int:
        """Mostly the busy ones, but every one now and then."""
        return min(int(random.paretovariate(0.6)), PROJECTS)


def _cursors(asker: Asker, path: str, limit: int = 200) -> Iterator[str]:
    cursor = None
    for _ in range(DEEP_PAGES):
        cursor = asker.get(path, limit=limit, cursor=cursor)["next_cursor"]
        if cursor is None:
            return
        yield cursor


def _item_ids(asker: Asker, path: str) -> Iterator[str]:
    """Every tenth item of a timeline."""
    cursor = None
    while True:
        page = asker.get(path, limit=200, cursor=cursor)
        yield from (item["id"] for item in page["items"][::10])
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _dates(random: Random, days: int | None) -> dict[str, Any]:
    """That many days up to the data's end or to some earlier day; all time for None."""
    if days is None:
        return {}
    back = random.choice((0, 0, 0, random.randrange(YEARS * 365 - days))) if days < YEARS * 365 else 0
    end = END - timedelta(days=1 + back)
    return {"start_date": end - timedelta(days=days - 1), "end_date": end}


def _zoned(random: Random, days: int | None) -> dict[str, Any]:
    intervals = {30: ("day", "day", "hour"), 365: ("day", "week", "month"), None: ("month", "week", "day")}[days]
    return _dates(random, days) | {"tz": random.choice(ZONES), "interval": random.choice(intervals)}


def questions(known: Known) -> list[Question]:
    """All of them, in the order of API.md."""
    return [*_projects(known), *_sessions(known), *_events(known), *_tools(known), *_search(known)]


def _projects(known: Known) -> list[Question]:
    ranges = ((30, "30 days"), (365, "a year"), (None, "all time"))
    blocks = "/api/usage/blocks"

    def of_project(days: int | None) -> Callable[[Random], str]:
        return lambda r: url(f"/api/projects/{known.project(r)}/stats", **_zoned(r, days))

    def of_all(days: int | None) -> Callable[[Random], str]:
        return lambda r: url("/api/stats", **_zoned(r, days))

    return [
        Question("projects", lambda _: "/api/projects"),
        Question("project", lambda r: f"/api/projects/{known.project(r)}"),
        *(Question(f"project stats, {name}", of_project(days)) for days, name in ranges),
        *(Question(f"stats, {name}", of_all(days)) for days, name in ranges),
        Question("usage in blocks", lambda r: url(blocks, **_dates(r, r.choice((None, 30))))),
        Question("usage in blocks, of a user", lambda r: url(blocks, user=r.choice(known.users), **_dates(r, r.choice((None, 30))))),
        Question("usage in blocks, of a model", lambda r: url(blocks, model=r.choice(MODELS), **_dates(r, r.choice((None, 30))))),
    ]


def _sessions(known: Known) -> list[Question]:
    path = "/api/sessions"
    return [
        Question("sessions", lambda _: path),
        Question("sessions of a project", lambda r: url(path, project_id=known.project(r), **_dates(r, r.choice((None, 365))))),
        Question("sessions of a user", lambda r: url(path, user=r.choice(known.users), **_dates(r, r.choice((None, 30))))),
        Question("sessions active on a day", lambda r: url(path, by="active", tz=r.choice(ZONES), **_dates(r, 1))),
        Question("sessions active in 30 days, shares", lambda r: url(path, by="active", include_share="true", **_dates(r, 30))),
        Question("sessions of a user active on a day", lambda r: url(path, by="active", user=r.choice(known.users), **_dates(r, 1))),
        Question("a day", lambda r: url(f"/api/days/{_dates(r, 1)['end_date']}", tz=r.choice(ZONES))),
        Question("a day of a user", lambda r: url(f"/api/days/{_dates(r, 1)['end_date']}", tz=r.choice(ZONES), user=r.choice(known.users))),
        Question("sessions by project and user", lambda r: url(path, user=r.choice(known.users), project_id=known.project(r))),
        Question("sessions by status", lambda r: url(path, status=r.choice(("open", "ended")), **_dates(r, r.choice((None, 30))))),
        Question("sessions, deep page", lambda r: url(path, cursor=r.choice(known.cursors[path]))),
        Question("session", lambda r: f"{path}/{r.choice(known.session_ids)}"),
        Question("timeline", lambda r: f"{path}/{r.choice(known.session_ids)}/timeline", TIMELINE_TARGET),
        Question("timeline, last page", lambda r: url(f"{path}/{r.choice(known.session_ids)}/timeline", order="desc"), TIMELINE_TARGET),
        Question("turns", lambda r: f"{path}/{r.choice(known.session_ids)}/turns", TIMELINE_TARGET),
        Question("what came of a session", lambda r: f"{path}/{r.choice(known.session_ids)}/outcome", TIMELINE_TARGET),
        *_long_session(known),
    ]


def _long_session(known: Known) -> list[Question]:
    timeline = f"{known.long_session}/timeline"
    turn_cursors = known.long_turn_cursors
    return [
        Question("20,000 items: timeline", lambda _: timeline, TIMELINE_TARGET),
        Question("20,000 items: around an item", lambda r: url(timeline, around=r.choice(known.long_items)), TIMELINE_TARGET),
        Question("20,000 items: last page", lambda _: url(timeline, order="desc"), TIMELINE_TARGET),
        Question(
            "20,000 items: all threads, around an item",
            lambda r: url(timeline, around=r.choice(known.long_items), threads="all"),
            TIMELINE_TARGET,
        ),
        Question("20,000 items: turns", lambda _: f"{known.long_session}/turns", TIMELINE_TARGET),
        Question(
            "20,000 items: turns, deep page", lambda r: url(f"{known.long_session}/turns", cursor=r.choice(turn_cursors)), TIMELINE_TARGET
        ),
        Question("20,000 items: what came of it", lambda _: f"{known.long_session}/outcome", TIMELINE_TARGET),
    ]


def _events(known: Known) -> list[Question]:
    said, changed = "/api/conversations", "/api/activities"
    return [
        Question("conversations", lambda r: url(said, **_dates(r, r.choice((None, 30, 365))))),
        Question("conversations of a project", lambda r: url(said, project_id=known.project(r), **_dates(r, r.choice((None, 365))))),
        Question("conversations of a session", lambda r: url(said, session_id=r.choice(known.session_ids))),
        Question("conversations by role", lambda r: url(said, role=r.choice(("user", "assistant")), project_id=known.project(r))),
        Question("conversations, deep page", lambda r: url(said, cursor=r.choice(known.cursors[said]))),
        Question("activities", lambda r: url(changed, project_id=r.choice((None, known.project(r))), **_dates(r, r.choice((None, 30))))),
        Question("activities of a session", lambda r: url(changed, session_id=r.choice(known.session_ids))),
        Question("activities of a file", lambda r: url(changed, file_path=_file(known, r))),
        Question("activities below a folder", lambda r: url(changed, file_path=_file(known, r).rpartition("/")[0] + "/*")),
        Question("activities of one kind", lambda r: url(changed, action=r.choice(("created", "modified", "deleted")))),
        Question("activities, deep page", lambda r: url(changed, cursor=r.choice(known.cursors[changed]))),
    ]


def _file(known: Known, random: Random) -> str:
    return random.choice(known.files[known.project(random) - 1])


def _tools(known: Known) -> list[Question]:
    path = "/api/tool-calls/stats"

    def some(days: int | None, **filters: Callable[[Random], Any]) -> Callable[[Random], str]:
        return lambda r: url(path, **_zoned(r, days), **{name: choose(r) for name, choose in filters.items()})

    def user(random: Random) -> str:
        return random.choice(known.users)

    def tool(random: Random) -> str:
        return random.choice(TOOL_NAMES)

    return [
        Question("tool stats, 30 days", some(30)),
        Question("tool stats, a year", some(365)),
        Question("tool stats, all time", some(None)),
        Question("tool stats of a project, 30 days", some(30, project_id=known.project)),
        Question("tool stats of a project, a year", some(365, project_id=known.project)),
        Question("tool stats of a project, all time", some(None, project_id=known.project)),
        Question("tool stats of a user, 30 days", some(30, user=user)),
        Question("tool stats of a user, a year", some(365, user=user)),
        Question("tool stats of a user, all time", some(None, user=user)),
        Question("tool stats of a tool, a year", some(365, tool_name=tool)),
        Question("tool stats of project, user, tool, a year", some(365, project_id=known.project, user=user, tool_name=tool)),
        Question("tool calls of a session", lambda r: f"/api/tool-calls/session/{quote(r.choice(known.session_ids))}"),
    ]


def _search(known: Known) -> list[Question]:
    """In what was said, then in everything."""

    def search(path: str, sort: str, choose: Callable[[Random], str], **fixed: str) -> Callable[[Random], str]:
        return lambda r: url(path, q=choose(r), sort=sort, project_id=known.project(r) if r.random() < 0.2 else None, **fixed)

    words, literals, patterns = words_of(known.texts), literals_of(known.texts), patterns_of(known.texts)
    messages, everything = "/api/conversations/search", "/api/search"
    sorts = ("newest", "best")
    return [
        *(
            Question(f"search {sort}: {kind}", search(messages, sort, choose), SEARCH_TARGET)
            for sort in sorts
            for kind, choose in words.items()
        ),
        *(
            Question(f"search everything, {sort}: {kind}", search(everything, sort, choose), SEARCH_TARGET)
            for sort in sorts
            for kind, choose in words.items()
        ),
        *(
            Question(f"search everything, {sort}: literal, {kind}", search(everything, sort, choose, mode="literal"), LITERAL_TARGET)
            for sort in sorts
            for kind, choose in literals.items()
        ),
        *(
            Question(f"search everything: pattern, {kind}", search(everything, "newest", choose, mode="regex"), LITERAL_TARGET)
            for kind, choose in patterns.items()
        ),
        *(
            Question(f"search everything: {kind}", search(everything, "best", choose), SEARCH_TARGET)
            for kind, choose in questions_of(known.texts).items()
        ),
    ]

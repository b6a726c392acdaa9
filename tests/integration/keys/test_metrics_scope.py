"""Keys with only the scope `metrics` or `numbers` get the same numbers as others, without texts and paths. With `numbers` they get names of projects."""

import json
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import psycopg
import pytest
from fastapi.routing import APIRoute

from services.query.answers.answer import Answer, annotations_of, value_type
from services.query.answers.live import LiveItem
from services.query.answers.stats import Stats
from services.query.numbers_only import SHOWN_NAMES, SHOWN_TEXTS, is_shown, numbers_only
from services.query.routes import advice, days, live, machines, me, prices, projects, quota, service, stats, users
from tests.integration.keys.conftest import Api
from tests.integration.query import seed, world
from tests.required_scopes import READING

QUERIES = {
    "/api/projects/{project_id}/stats": ["", "?start_date=2024-03-01&end_date=2024-11-30&interval=week"],
    "/api/stats": ["", "?start_date=2024-03-01&end_date=2025-11-30&interval=month"],
    "/api/usage": [
        f"?group_by={by}"
        for by in ("day", "model", "project", "user", "month,project", "session", "branch,user", "day&include_cost_parts=true")
    ],
    "/api/usage/blocks": ["", "?limit=1", "?model=claude-opus&project_id=1"],
    "/api/days/{date}": ["", "?tz=Europe/Berlin&limit=1", "?project_id=1"],
    "/api/tool-calls/stats": ["", "?project_id=1", "?tool_name=Bash", "?include_latency=true"],
    "/api/tool-calls/errors": ["", "?project_id=1", "?tool_name=Bash&error_class=other&examples=20", "?interval=day"],
    "/api/advice": ["", "?project_id=1&split=2024-05-01&lines=20"],
    "/api/compare": [
        f"?start_date=2024-05-01&end_date=2024-05-31&group_by={by}" for by in ("project", "user", "model", "tool", "error_class")
    ],
    "/api/me": [""],
    "/api/prices": [""],
    "/api/quota": ["", "?kind=five_hour"],
    "/api/users": ["", "?limit=1", "?project_id=1"],
    "/api/live/sessions": [""],
    "/api/accounting": [""],
    "/metrics": [""],
}
# Questions that a key with `numbers` may ask besides.
QUERIES_WITH_NAMES = {
    "/api/projects": [""],
    "/api/projects/{project_id}": [""],
    "/api/machines": [""],
}

# It does not end: tests/integration/query/live/test_live.py asks it.
STREAMS = {"/api/live"}


@pytest.fixture
def corpus(database_url: str) -> set[str]:
    """Everything that is a text, a path or a name of a project."""
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        world.build(connection)
        project = seed.add_project(connection, "/home/dev/a-secret-name")
        seed.add_session(
            connection, "titled", project, title="The title of a session", git_branch="a-branch", started_at="2024-05-01T00:00:00Z"
        )
        seed.add_message(connection, "titled", "2024-05-01T00:00:00Z", "What nobody is to know")
        seed.add_activity(connection, "titled", "2024-05-01T00:00:00Z", "/home/dev/a-secret-name/a-file.py")
        seed.add_tool_call(connection, "titled", "2024-05-01T00:00:00Z", parameters='{"command": "cat a-file.py"}')
        failed = {"parameters": '{"command": "cat a-failed.py"}', "result": "no such a-failed.py", "error_class": "file_not_found"}
        seed.add_tool_call(connection, "titled", "2024-05-01T00:00:01Z", status="error", **failed)
        seed.compute_totals(connection)
        sql = """
            SELECT content FROM messages UNION SELECT file_path FROM files UNION SELECT path FROM projects UNION SELECT name FROM projects
            UNION SELECT parameters::text FROM tool_calls WHERE parameters IS NOT NULL
            UNION SELECT parameters->>'command' FROM tool_calls WHERE parameters->>'command' IS NOT NULL
            UNION SELECT result FROM tool_calls WHERE result IS NOT NULL
            UNION SELECT title FROM sessions WHERE title IS NOT NULL UNION SELECT git_branch FROM sessions WHERE git_branch IS NOT NULL
            UNION SELECT session_id FROM sessions"""
        return {text for (text,) in connection.execute(sql).fetchall()}


def paths(scope: str = "metrics") -> list[str]:
    """Everything that a key with this scope may ask for, in several ways."""
    asked = QUERIES | (QUERIES_WITH_NAMES if scope == "numbers" else {})
    numbers = [path for (_, path), scopes in READING.items() if scope in scopes]
    assert set(numbers) == set(asked) | STREAMS, "say here how it is asked"
    return [
        path.replace("{project_id}", "1").replace("{date}", "2024-05-01") + query for path, queries in asked.items() for query in queries
    ]


def texts(value: Any) -> Iterator[str]:
    """All strings in an answer, but names of fields."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def test_a_metrics_key_sees_no_text_path_or_project_name(api: Api, corpus: set[str]) -> None:
    assert len(corpus) > 60
    key = api.key("metrics")
    for path in paths():
        answer = api.get(key, path)
        assert answer.status_code == 200, path
        assert not any(text in answer.text for text in corpus if "/" in text or " " in text or "secret" in text), path
        if answer.headers["content-type"] == "application/json":
            assert corpus.isdisjoint(texts(answer.json())), path


def test_a_numbers_key_sees_names_of_projects_and_no_other_text(api: Api, corpus: set[str], database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM projects").fetchall()}
    key, everything = api.key("numbers"), api.key("read")
    seen: set[str] = set()
    for path in paths("numbers"):
        answer = api.get(key, path)
        assert answer.status_code == 200, path
        assert not any(text in answer.text for text in corpus if "/" in text or " " in text), path
        if answer.headers["content-type"] == "application/json":
            assert (corpus - names).isdisjoint(texts(answer.json())), path
            seen |= names.intersection(texts(answer.json()))
    assert seen == names, "in the list of projects and by project"
    project = api.get(everything, "/api/projects/1").json()
    assert api.get(key, "/api/projects/1").json() == project | {"path": None, "label": None}


def test_a_metrics_key_sees_the_same_numbers(api: Api, corpus: set[str]) -> None:
    def without_names(value: Any) -> Any:
        hidden = ("name", "label", "path", "project_name", "file_path", "session_id", "session_title", "branch", "title", "last_prompt")
        hidden += ("git_branch", "message_id", "text", "subject", "hash", "url", "standup", "failed_command", "fix")
        if isinstance(value, dict):
            value = value | {"examples": []} if "examples" in value else value
            return {name: None if name in hidden else without_names(each) for name, each in value.items()}
        return [without_names(each) for each in value] if isinstance(value, list) else value

    numbers, everything = api.key("metrics"), api.key("read")
    # The age of the canary is another one by the time that the second asks; /api/me is about the key.
    for path in paths():
        if path.startswith("/api/") and path not in ("/api/accounting", "/api/me"):
            seen = api.get(everything, path).json()
            # Names of people are shown, here as in the statistics.
            expected = seen if path.startswith("/api/users") else without_names(seen)
            assert api.get(numbers, path).json() == expected, path
    stats = json.dumps(api.get(everything, "/api/projects/1/stats").json())
    assert "/home/dev/alpha" in stats


def test_a_key_that_may_also_read_sees_everything(api: Api, corpus: set[str]) -> None:
    assert api.get(api.key("metrics", "read"), "/api/projects/1/stats").json()["project"]["path"] == "/home/dev/alpha"


# Every text that such a key can see, by model and field. Each new one needs a reason why it holds no user's text, path or project.
SEEN = {
    "CountedRange.tz", "ErrorRange.tz", "Tool.tool_name", "TimedTool.tool_name", "UserShare.user", "UsageRange.tz", "UsageItem.model", "UsageItem.user",
    "UsageBlock.models", "UsageBlockPage.about", "UsageBlockPage.next_cursor",
    "UsageReport.price_versions", "UsageReport.group_by", "ModelPrice.model", "ModelPrice.version", "UnpricedModel.model",
    "Comparison.group_by", "ChangeOfGroup.user", "ChangeOfGroup.model", "ChangeOfGroup.tool_name", "ChangeOfGroup.error_class",
    "UsageItem.month", "Point.date", "CallPoint.date", "FailedPoint.date",
    # Sentences made of numbers, words of the program, names of users and classes of errors.
    "AdviceKind.heading", "AdviceKind.counted", "AdviceKind.act", "AdviceLine.sentence", "EffortMeasures.of",
    "DayFailure.tool_name", "DayFailure.error_class", "DaySession.user", "DaySession.model",
    "LiveItem.running_tool",
    "LiveItem.tool_name", "LiveItem.model", "LiveItem.user",
    "LiveSession.tool_name", "LiveSession.model", "LiveSession.user", "LiveSessions.last_event_id",
    "FailedTool.tool_name", "ErrorCount.error_class", "ErrorClass.error_class",
    "Me.version", "Me.timezone", "Me.flower", "OwnKey.key_id", "OwnKey.name", "OwnKey.user", "OwnKey.users",
    "User.name", "UserPage.next_cursor",
    # A hash of an account, and Claude Code's names of windows.
    "QuotaWindow.account", "QuotaWindow.users", "QuotaWindow.kind", "Quota.decided_by",
}  # fmt: skip
SEEN_WITH_NAMES = {
    "Project.name", "Project.group", "Project.repository", "ProjectPart.name",
    "ProjectDetails.name", "ProjectDetails.group", "ProjectDetails.repository",
    "UsageItem.project_name", "DayProject.project_name", "DaySession.project_name", "LiveItem.project_name", "LiveItem.machine_id",
    "LiveSession.project_name", "LiveSession.machine_id",
    "UsageItem.group", "UsageItem.repository", "ChangeOfGroup.group", "ChangeOfGroup.repository",
    "UsageItem.machine_id", "UsageItem.machine", "ChangeOfGroup.project_name", "ChangeOfGroup.machine_id", "ChangeOfGroup.machine",
    "Machine.machine_id", "Machine.name", "Machine.user", "Machine.tracker_version", "Machine.claude_version", "Machine.os", "MachinePage.next_cursor",
    "QuotaWindow.machine_id",
}  # fmt: skip
TEXT = "a text that nobody but its writer is to see"


def models() -> dict[str, Any]:
    """The models of the routes that such a key may ask, by path."""
    routers = (
        live.router,
        me.router,
        service.router,
        stats.router,
        advice.router,
        quota.router,
        days.router,
        projects.router,
        machines.router,
        users.router,
        prices.router,
    )
    routes = {route.path: route.response_model for router in routers for route in router.routes if isinstance(route, APIRoute)}
    return {path: routes[path] for path in QUERIES | QUERIES_WITH_NAMES if path != "/metrics"} | {"/api/live": LiveItem}


def full_of_texts(kind: Any) -> Any:
    """An answer of this model in which all that may be a text is one."""
    if get_origin(kind) is list:
        return [full_of_texts(get_args(kind)[0])]
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, Answer):
        return {name: full_of_texts(value_type(annotation)) for name, annotation in annotations_of(kind).items()}
    variants = [each for each in get_args(kind) if each is not type(None)]
    return full_of_texts(variants[0]) if variants else TEXT


def fields_with_text(value: Any, kind: Any) -> Iterator[str]:
    """Where in an answer TEXT is."""
    if isinstance(value, list):
        for each in value:
            yield from fields_with_text(each, get_args(kind)[0])
    elif isinstance(value, dict):
        variants = [each for each in (kind, *get_args(kind)) if isinstance(each, type) and issubclass(each, Answer)]
        for name, each in value.items():
            inner = value_type(annotations_of(variants[0])[name])
            if each == TEXT or (isinstance(each, list) and TEXT in each):
                yield f"{variants[0].__name__}.{name}"
            else:
                yield from fields_with_text(each, inner)


@pytest.mark.parametrize("path", sorted(((QUERIES | QUERIES_WITH_NAMES).keys() | STREAMS) - {"/metrics"}))
def test_every_text_field_of_a_model_is_null_unless_listed(path: str) -> None:
    model = models()[path]
    assert model is not None, "without a model nothing is shown"
    filled = full_of_texts(model)
    assert TEXT in json.dumps(filled) or path == "/api/accounting"
    assert set(fields_with_text(numbers_only(filled, model), model)) <= SEEN
    assert set(fields_with_text(numbers_only(filled, model, names=True), model)) <= SEEN | SEEN_WITH_NAMES


def test_the_list_of_shown_texts_is_the_expected_one() -> None:
    shown = {f"{model.__name__}.{field}" for model, field in SHOWN_NAMES}
    assert shown <= SEEN_WITH_NAMES
    assert SEEN_WITH_NAMES - shown == {"ProjectDetails.name", "ProjectDetails.group", "ProjectDetails.repository"}, "inherited"
    names = {f"{model.__name__}.{field}" for model, field in SHOWN_TEXTS}
    assert names <= SEEN
    assert SEEN - names == {"TimedTool.tool_name", "CountedRange.tz", "ErrorRange.tz", "ErrorClass.error_class"}, "inherited"


def test_a_new_text_field_is_hidden_by_default() -> None:
    class Grown(Stats, kw_only=True):
        note: str
        notes: dict[str, Any]

    content = {"note": TEXT, "notes": {"x": TEXT, "n": 1}, "not_in_the_model": 7, "totals": {"sessions": 3, "heading": TEXT}}
    shown = numbers_only(content, Grown)
    assert shown == {"note": None, "notes": None, "not_in_the_model": None, "totals": {"sessions": 3, "heading": None}}
    assert not is_shown(Grown, "note")


def test_text_in_a_number_or_time_field_is_hidden() -> None:
    content = {"totals": {"sessions": TEXT}, "range": {"start": TEXT, "end": "2024-05-01T00:00:00Z", "interval": TEXT}}
    assert numbers_only(content, Stats) == {
        "totals": {"sessions": None},
        "range": {"start": None, "end": "2024-05-01T00:00:00Z", "interval": None},
    }


def test_an_answer_without_a_model_is_hidden() -> None:
    assert numbers_only({"calls": 7}, None) is None


@pytest.mark.parametrize("scope", ["metrics", "numbers"])
def test_a_key_for_numbers_sees_how_many_transcripts_are_damaged_and_not_which(api: Api, admin: str, scope: str) -> None:
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute(
            "WITH f AS (INSERT INTO transcript_files (session_id, file_name, machine_id) VALUES ('of-ann', 'of-ann.jsonl', 'm') RETURNING id)"
            " INSERT INTO damaged_segments (file_id, sha256, reason) SELECT id, sha256('x'), 'missing' FROM f"
        )

    [seen] = api.get(api.key(scope), "/api/accounting").json()["damaged_transcripts"]
    [all_of_it] = api.get(admin, "/api/accounting").json()["damaged_transcripts"]

    assert (all_of_it["session_id"], all_of_it["file"], all_of_it["machine"]) == ("of-ann", "of-ann.jsonl", "m")
    assert seen == all_of_it | {"session_id": None, "file": None, "machine": None}

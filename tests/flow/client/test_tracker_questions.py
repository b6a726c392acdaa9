"""`tracker report`, `search`, `show` and the lists answer from the real API, for people and for programs."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from rich.cells import cell_len

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Ask, Run, Stack, environment_of, second_api
from tests.flow.connect.shippers import wait_for
from tests.forked_tracker import TrackerForks

SHOP = "/home/ann/shop"  # by its path, since other tests have projects of this name elsewhere
DAY = ("--since", "2026-11-20", "--until", "2026-11-20", "--tz", "UTC")


@pytest.fixture(scope="module")
def transcript(stack: Stack, forks: TrackerForks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of two prompts on 20 November 2026, imported. All tests here ask for it, and none changes it."""
    folder = tmp_path_factory.mktemp("asked")
    home = ClaudeHome(folder)
    path = home.transcript(2)
    assert forks.run(["import", "--quiet"], env=environment_of(stack, home), cwd=folder).returncode == 0
    return path


@pytest.fixture
def session_id(transcript: Path) -> str:
    return transcript.stem


def test_report_shows_time_cost_and_a_row_for_each_project(session_id: str, ask: Ask) -> None:
    said = ask("report", *DAY)
    assert said.startswith("Fri 20 Nov 2026 (UTC)\n")
    assert "shop" in said
    assert "active" in said
    assert "$" in said
    assert "By hour" in said


@pytest.mark.parametrize("by", ["day", "week", "month", "project", "user", "session", "branch", "model", "tool"])
def test_report_sums_up_by_each_dimension_as_json_and_csv(session_id: str, ask: Ask, by: str) -> None:
    answer = json.loads(ask("report", *DAY, "--by", by, "--json"))
    rows = list(csv.DictReader(io.StringIO(ask("report", *DAY, "--by", by, "--csv"))))
    assert answer["by"] == by
    assert len(rows) == len(answer["items"]) > 0
    if by != "tool":
        assert sum(row["api_calls"] for row in answer["items"]) == answer["totals"]["api_calls"]


def test_report_has_a_row_for_each_pair_of_two_dimensions(session_id: str, ask: Ask) -> None:
    once = json.loads(ask("report", *DAY, "--by", "project,model", "--json"))
    assert once == json.loads(ask("report", *DAY, "--by", "project", "--by", "model", "--json"))
    assert {"project_name", "model", "cost_usd"} <= once["items"][0].keys()
    table = ask("report", *DAY, "--by", "project,model")
    assert "Project" in table
    assert "Model" in table


def test_report_compares_with_the_days_before_and_says_what_moved(session_id: str, ask: Ask) -> None:
    said = ask("report", *DAY, "--compare")
    assert said.startswith("Fri 20 Nov 2026 (UTC)\nbeside Thu 19 Nov 2026\n")
    assert "Cost" in said
    assert "+$" in said
    answer = json.loads(ask("report", *DAY, "--compare", "--json"))
    rows = list(csv.DictReader(io.StringIO(ask("report", *DAY, "--compare", "--csv"))))
    assert [float(row["value"]) for row in rows if row["measure"] == "messages"] == [
        row["value"] for row in answer["items"] if row["measure"] == "messages"
    ]


def test_report_compares_with_the_days_that_are_named(session_id: str, ask: Ask) -> None:
    assert "beside Mon 2 Nov to Fri 6 Nov 2026" in ask("report", *DAY, "--compare-with", "2026-11-02..2026-11-06", "--by", "tool")


def test_report_is_limited_to_a_project_and_a_user(session_id: str, ask: Ask) -> None:
    # Other tests have sessions on this day too.
    shop = json.loads(ask("report", *DAY, "--by", "session", "--project", SHOP, "--json"))
    assert session_id in [item["session_id"] for item in shop["items"]]
    assert shop["totals"]["sessions"] == len(shop["items"])
    nobody = json.loads(ask("report", *DAY, "--user", "nobody", "--by", "week", "--json"))
    assert (nobody["totals"]["sessions"], nobody["items"]) == (0, [])
    assert session_id[:8] in ask("report", *DAY, "--by", "session")


def test_report_of_an_empty_day_names_the_newest_session(session_id: str, ask: Ask) -> None:
    said = ask("report", "--since", "2026-01-01", "--until", "2026-01-01", "--tz", "UTC")
    assert "Nothing happened." in said
    assert "tracker report --since 20" in said


def test_day_shows_in_order_what_was_done(session_id: str, ask: Ask) -> None:
    said = ask("day", "2026-11-20", "--project", SHOP, "--tz", "UTC")

    assert said.startswith("Fri 20 Nov 2026 (UTC)\n")
    assert session_id[:8] in said
    assert said.index("10:00") < said.index("› ") < said.index("Day before: ")
    [session] = [
        each for each in json.loads(ask("day", "2026-11-20", "--tz", "UTC", "--json"))["sessions"] if each["session_id"] == session_id
    ]
    assert (session["share"]["user_messages"], session["began_before"]) == (2, False)
    assert "Nothing happened." in ask("day", "2026-01-01", "--tz", "UTC")


def test_standup_is_a_text_to_paste(session_id: str, ask: Ask) -> None:
    said = ask("day", "2026-11-20", "--project", SHOP, "--tz", "UTC", "--standup", COLUMNS="40")

    head, _, project, *lines = said.splitlines()
    assert head.startswith("Fri 20 Nov 2026: ")
    # The project is called by its label: other tests have projects of this name.
    assert project.startswith(("shop (", "ann/shop ("))
    assert all(line.startswith(("- ", "  - ")) for line in lines)


def test_sessions_of_some_days_are_those_in_which_something_happened(session_id: str, ask: Ask) -> None:
    # Other tests have sessions on that day, more than are listed without a limit.
    listed = json.loads(ask("sessions", *DAY, "--project", SHOP, "--limit", "200", "--json"))

    [session] = [each for each in listed if each["session_id"] == session_id]
    assert session["share"]["messages"] == session["messages_count"]
    assert json.loads(ask("sessions", "--since", "2026-01-01", "--until", "2026-01-02", "--json")) == []


def test_search_shows_each_hit_with_the_command_that_opens_its_session(session_id: str, transcript: Path, ask: Ask) -> None:
    word = json.loads(transcript.read_text().splitlines()[0])["message"]["content"].split()[-1]
    # A message can be found a second or two after it is stored.
    wait_for(lambda: json.loads(ask("search", word, "--kind", "message", "--json"))["items"])

    said = ask("search", word, "--kind", "message")
    assert word in said
    assert f"tracker show {session_id[:8]}" in said
    assert "1 hit.\n" in said
    [hit] = json.loads(ask("search", word, "--kind", "message", "--json"))["items"]
    assert (hit["session_id"], hit["kind"]) == (session_id, "message")
    assert word in hit["content"]
    assert f"./tracker show {session_id[:8]}" in ask("search", word, TRACKER_COMMAND="./tracker")
    assert ask("search", "zebracrossing", "--role", "assistant").startswith("Nothing found. Try fewer words or filters")


def test_search_shows_sessions_with_any_of_the_words_below_the_hits(session_id: str, transcript: Path, ask: Ask) -> None:
    word = json.loads(transcript.read_text().splitlines()[0])["message"]["content"].split()[-1]
    wait_for(lambda: json.loads(ask("search", "zebracrossing", word, "--json"))["ranked"]["sessions"])

    said = ask("search", "zebracrossing", word)

    assert said.startswith("No exact match.\n\nSessions that may be meant\n")
    assert f"tracker show {session_id[:8]}" in said


def test_search_finds_commands_any_text_and_sessions(session_id: str, ask: Ask) -> None:
    wait_for(lambda: json.loads(ask("search", "make test", "--kind", "command", f"session:{session_id}", "--json"))["items"])

    assert "Bash input" in ask("search", "make test", "--kind", "command", f"session:{session_id}")
    assert ask("search", "--literal", "ake tes").count("hit") == 1
    assert ask("search", "--regex", "m.ke t[ef]st").count("hit") == 1
    grouped = json.loads(ask("search", "tests", f"session:{session_id}", "--group", "session", "--json"))
    assert [(each["session_id"], each["hits"] > 0) for each in grouped["sessions"]] == [(session_id, True)]
    assert f"show {session_id[:8]}" in ask("search", "tests", f"session:{session_id}", "--group", "session")


def test_show_reads_a_session_from_beginning_to_end(session_id: str, ask: Ask) -> None:
    said = ask("show", session_id[:12], "--tz", "UTC")
    prompt, call, answer = said.index("run the tests"), said.index("make test"), said.index("They pass.")
    assert prompt < call < answer
    assert "You  Fri 20 Nov 2026 10:00" in said
    assert "make test" not in ask("show", session_id, "--no-tools")
    shown = json.loads(ask("show", session_id, "--json"))
    assert (len(shown["messages"]), len(shown["tool_calls"])) == (shown["session"]["messages_count"], 2)


def test_show_tells_what_came_of_a_session_and_why_it_cost_that_much(session_id: str, ask: Ask) -> None:
    said = ask("show", session_id, "--outcome", "--tz", "UTC")

    told = {line[:9].strip(): line[10:].strip() for line in said.splitlines() if line[:1] != " "}
    assert "run the tests" in told["Asked"]
    assert "They pass." in told["Answered"]
    assert told["Tests"].startswith(("✓ make test", "? make test"))
    assert told["Cost"].startswith("$")
    found = json.loads(ask("show", session_id, "--outcome", "--json"))
    assert (found["session_id"], [each["command"] for each in found["tests"]]) == (session_id, ["make test"])


def test_lists_name_what_the_other_commands_take(session_id: str, ask: Ask) -> None:
    assert session_id[:8] in ask("sessions", "--limit", "1000", "--project", SHOP, COLUMNS="60")
    assert "shop" in ask("projects")
    assert "Bash" in ask("tools", *DAY)
    assert "2026-11-20" in ask("usage", *DAY)


@pytest.mark.parametrize("columns", ["40", "60", "100", "160"])
def test_tables_fit_the_terminal(session_id: str, ask: Ask, columns: str) -> None:
    for command in (["report", *DAY], ["day", "2026-11-20", "--tz", "UTC"], ["sessions"], ["projects"], ["tools"], ["usage"]):
        said = ask(*command, COLUMNS=columns)
        # Not by characters: some have no width, some two cells.
        assert max(map(cell_len, said.splitlines())) <= max(int(columns), 53), command


@pytest.mark.parametrize(
    "question",
    [
        "day 2026-11-20",
        "report --since 2026-11-20",
        "search tests",
        "show SESSION --outcome",
        "sessions",
        "file a.py",
        "tools",
        "compare",
        "machines",
    ],
)
def test_no_line_in_a_pipe_is_filled_with_blanks(session_id: str, tracker: Run, question: str) -> None:
    done = tracker(*question.replace("SESSION", session_id).split())

    assert [line for line in (done.stdout + done.stderr).splitlines() if len(line) - len(line.rstrip()) > 60] == []


def test_no_colour_codes_reach_a_pipe(session_id: str, ask: Ask) -> None:
    for command in (["report", *DAY], ["show", session_id], ["search", "tests"]):
        assert "\x1b" not in ask(*command)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["report", "--by", "weather"], "weather"),
        (["report", "--since", "soon"], "soon"),
        (["report", "--week", "--since", "2026-01-01"], "exclude"),
        (["report", "--json", "--csv"], "exclude"),
        (["report", "--tz", "Mars/Olympus"], "Mars/Olympus"),
    ],
)
def test_wrong_options_are_named_and_end_with_exit_code_2(tracker: Run, arguments: list[str], reason: str) -> None:
    done = tracker(*arguments, COLUMNS="300")
    assert done.returncode == 2
    assert reason in done.stderr


def test_unknown_session_and_project_are_failures_with_a_next_step(session_id: str, tracker: Run) -> None:
    for arguments, step in ((["show", "no-such"], "tracker sessions"), (["report", "--project", "no-such"], "tracker projects")):
        done = tracker(*arguments)
        assert done.returncode == 1
        assert step in done.stderr


@pytest.fixture(scope="module")
def closed_url(stack: Stack) -> Iterator[str]:
    """The same pipeline at an address that asks for keys."""
    stack.http.post("/api/keys", json={"name": "an admin", "scopes": ["admin"]}).raise_for_status()
    with second_api(stack, TRACKER_ACCESS="keys") as http:
        yield str(http.base_url)


@pytest.fixture(params=["numbers", "metrics"])
def limited(request: pytest.FixtureRequest, stack: Stack, closed_url: str) -> dict[str, str]:
    """The environment of a person whose key does not show texts."""
    made = stack.http.post("/api/keys", json={"name": "limited", "scopes": [request.param]}).raise_for_status().json()
    return {"TRACKER_URL": closed_url, "TRACKER_TOKEN": made["key"]}


@pytest.mark.parametrize("by", ["day", "week", "month", "project", "user", "model", "tool"])
def test_a_key_that_hides_texts_gets_every_table_of_numbers(session_id: str, ask: Ask, limited: dict[str, str], by: str) -> None:
    assert "active" in ask("report", *DAY, "--by", by, **limited)
    if by == "tool":
        assert "Bash" in ask("tools", *DAY, **limited)
    else:
        assert "Total" in ask("usage", *DAY, "--by", by, **limited)


def test_what_a_key_hides_is_a_dash_or_a_refusal_in_one_sentence(session_id: str, tracker: Run, ask: Ask, limited: dict[str, str]) -> None:
    projects = tracker("projects", **limited)
    if projects.returncode == 0:
        assert "shop" in projects.stdout
        assert "–" in projects.stdout
    else:
        assert (projects.returncode, projects.stderr.count("\n")) == (1, 1)
    sessions = tracker("sessions", **limited)
    assert (sessions.returncode, sessions.stderr.count("\n")) == (1, 1)
    for command, by, names in (("report", "session", "sessions"), ("usage", "branch", "branches")):
        done = tracker(command, *DAY, "--by", by, **limited)
        sentence = f"This key does not show {names}: --by {by} needs a key with the scope read.\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence)


def test_top_needs_a_key_that_shows_sessions_and_says_so_in_one_sentence(stack: Stack, tracker: Run, closed_url: str) -> None:
    made = stack.http.post("/api/keys", json={"name": "numbers alone", "scopes": ["numbers"]}).raise_for_status().json()
    key = {"TRACKER_URL": closed_url, "TRACKER_TOKEN": made["key"]}
    session = {"session_id": "open-for-top", "project_path": "/home/tom/top", "user": "tom", "start_time": datetime.now(UTC).isoformat()}
    stack.http.post("/api/sessions/start", json=session).raise_for_status()

    done = tracker("top", "--once", **key)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "needs a key with the scope read" in done.stderr
    assert tracker("top", "--once", "--json", **key).returncode == 0


def test_a_project_is_named_by_its_id_by_a_key_that_may_not_list_projects(session_id: str, ask: Ask, limited: dict[str, str]) -> None:
    shop = next(each["id"] for each in json.loads(ask("projects", "--json")) if each["path"] == SHOP)
    assert "active" in ask("report", *DAY, "--project", str(shop), **limited)
    assert ask("report", "--since", "2026-01-01", "--until", "2026-01-01", "--tz", "UTC", **limited).endswith("Nothing happened.\n")


def test_machines_are_listed_with_what_needs_attention_and_filter_every_question(
    session_id: str, ask: Ask, tracker: Run, stack: Stack
) -> None:
    transcript = {
        "session_id": "s",
        "file": "s.jsonl",
        "bytes": 9,
        "changed_at": "2026-11-01T00:00:00Z",
        "deleted_after": "2026-12-01T12:00:00Z",
    }
    report = {"name": "ann-laptop", "claude_version": "2.1.197", "spool_files": 3, "spool_bytes": 2000, "expiring": [transcript]}
    assert stack.http.put("/api/machines/m-1", json=report).status_code == 200
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO session_machines VALUES (%s, 'm-1')", (session_id,))

    said = ask("machines", "--tz", "UTC")
    assert "ann-laptop" in said
    assert "3 files, 2.0 kB" in said
    assert "ann-laptop: 1 transcript not here; Claude Code deletes the first after 1 Dec 12:00." in said
    [row] = [each for each in csv.DictReader(io.StringIO(ask("machines", "--csv"))) if each["machine_id"] == "m-1"]
    assert (row["sessions_count"], row["is_silent"]) == ("1", "false")

    on_it = ("--machine", "ann-laptop")
    assert [each["session_id"] for each in json.loads(ask("sessions", *on_it, "--json"))] == [session_id]
    assert json.loads(ask("report", *DAY, "--by", "machine", *on_it, "--json"))["items"][0]["machine"] == "ann-laptop"
    assert json.loads(ask("tools", *on_it, "--json"))[0]["tool_name"] == "Bash"
    assert json.loads(ask("usage", "--by", "machine", *on_it, "--json"))[0]["machine_id"] == "m-1"
    assert wait_for(lambda: json.loads(ask("search", "tests", *on_it, "--json"))["items"])[0]["session_id"] == session_id
    unknown = tracker("sessions", "--machine", "m-2")
    assert (unknown.returncode, unknown.stderr.partition(";")[0]) == (1, "There is no machine 'm-2'")

    assert ask("machines", "--forget", "m-1") == "ann-laptop: The machine is forgotten.\n"
    assert "ann-laptop" not in ask("machines")
    assert [each["session_id"] for each in json.loads(ask("sessions", "--machine", "m-1", "--json"))] == [session_id]

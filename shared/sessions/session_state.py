"""The state of a session: one rule, which sessions, the list of open ones and the live feed tell alike. Clients only show it.

Hooks, transcripts and events leave signs of it, of each kind the latest, in the table session_signs (services/worker/persist/live/session_signs.py). Files of
the client's processes say it themselves, in session_processes (services/worker/drain/store_readings.py). The rule is an SQL expression over both, so that the
same instant gives the same state wherever it is asked for, whatever came first.

- The file of a process that lives is believed, unless a sign is later than it was read. A process that is gone ends its session (open_sessions.py)
- `permission`, `input`, `error`, `interrupted`: the session waits, and no work was seen since the wait began
- The file says that it works while only a subagent does, in the background: then a sign that the turn is over is believed (agent_state.py)
- `working`: the last sign was work
- `quiet`: it was work, and nothing was heard for QUIET_SECONDS, as while a laptop sleeps
- `ended`: the session has ended, or was closed
"""

from typing import Final, Literal

from shared.sessions.telling_parameters import TELLING_PARAMETERS

# In the order of shared/terms.json, in which clients show them.
OpenState = Literal["permission", "error", "working", "interrupted", "input", "quiet"]
State = Literal[OpenState, "ended"]
# The source of a state: the file of the client's process, a hook, a line of a transcript, an event that a client sent; or null, for long.
StateSource = Literal["client_file", "hook", "transcript", "event", "time"]

# No tool of Claude Code runs longer in the foreground unless it was asked to.
QUIET_SECONDS: Final = 600
# The most of a tool's parameters, and of an error.
LINE_CHARACTERS: Final = 300
# The most of a command or a plan that waits for a permission, and of the end of Claude's last message.
ASKS_CHARACTERS: Final = 8_000
SAID_CHARACTERS: Final = 600
# The source of a session's end, by its end_reason (open_sessions.py). All others come from hooks.
ENDED_BY: Final[dict[str, StateSource]] = {"gone": "client_file", "idle": "time", "imported": "time", "explicit": "event"}
# So many of a session's newest calls are looked at for one that runs: a bound, so that a long session costs what a short one does.
_CALLS: Final = 32
# Calls that ask a person: of these alone a session that waits for input has one.
_ASKING: Final = "('AskUserQuestion', 'ExitPlanMode')"

# When its turn ended without a sign of that, else NULL: the client reminded its person, or there are no hooks and Claude spoke last.
_TURN_ENDED: Final = """greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END)"""


def _one_line(text: str) -> str:
    """The SQL of the beginning of a text, in one line. A cut text ends in `…`, so that redaction sees that it was cut."""
    line = rf"btrim(regexp_replace(left({text}, 2000), '\s+', ' ', 'g'))"
    return (
        f"(SELECT CASE WHEN length(line) > {LINE_CHARACTERS} THEN left(line, {LINE_CHARACTERS}) || '…' ELSE line END FROM {line} AS line)"
    )


# Whether it still waits. Work of a subagent ends the wait for a permission, since it may have asked; all else it does is not the session's own.
_WAITS: Final = """sign.waits_since >= greatest(sign.worked_at, CASE WHEN sign.waits_for = 'permission' THEN sign.agents_worked_at END)"""
# The file of a process says that it is busy while a subagent works in the background, though the turn is over and a person may write. It does so after Esc, too.
# A prompt is a sign of its own.
_IS_BUSY_FOR_AGENT: Final = """file.does = 'working' AND signed.state = 'input'
            AND EXISTS (SELECT FROM agent_signs AS b WHERE b.session_id = s.session_id AND b.is_background AND b.over_at <= b.worked_at)"""
# The state that the signs alone say; NULL without signs.
_SIGNED: Final = f"""CASE WHEN sign.session_id IS NULL THEN NULL
            WHEN {_WAITS} THEN sign.waits_for
            WHEN {_TURN_ENDED} IS NOT NULL THEN 'input' ELSE 'working' END"""
_IS_HEARD: Final = f"greatest(sign.heard_at, file.heard_at) > clock_timestamp() - interval '{QUIET_SECONDS} seconds'"

# Columns of JOIN.
STATE: Final = f"""
    CASE WHEN told.state <> 'working' THEN told.state WHEN {_IS_HEARD} THEN 'working' ELSE 'quiet' END"""
# Since when: the call of the tool that runs, else the last work; or the beginning of the wait.
SINCE: Final = f"""
    coalesce(
        CASE WHEN told.is_of_file AND told.state <> 'working' THEN file.does_since
            WHEN {_WAITS} AND told.state <> 'working' THEN nullif(sign.waits_since, '-infinity')
            WHEN told.is_of_file THEN coalesce(call.occurred_at, nullif(greatest(sign.worked_at, file.does_since), '-infinity'))
            ELSE coalesce({_TURN_ENDED}, call.occurred_at, nullif(sign.worked_at, '-infinity')) END,
        nullif(s.last_event_at, '-infinity'))"""
SOURCE: Final = f"""
    CASE WHEN told.state IS NULL OR told.state = 'working' AND NOT {_IS_HEARD} THEN 'time'
        WHEN told.is_of_file THEN 'client_file'
        WHEN {_WAITS} THEN sign.waits_by
        WHEN sign.idle_at > sign.worked_at THEN 'hook'
        WHEN {_TURN_ENDED} IS NOT NULL THEN sign.replied_by
        ELSE sign.worked_by END"""


def source_of_end(end_reason: str, otherwise: str) -> str:
    """The SQL of who said that a session has ended; `otherwise` while it is open."""
    known = " ".join(f"WHEN '{reason}' THEN '{source}'" for reason, source in ENDED_BY.items())
    return f"CASE WHEN {end_reason} IS NULL THEN {otherwise} ELSE CASE {end_reason} {known} ELSE 'hook' END END"


def _elements(array: str) -> str:
    """The SQL of the elements of what may be an array."""
    return f"json_array_elements(CASE WHEN json_typeof({array}) = 'array' THEN {array} ELSE '[]' END)"


# The tool that runs, or whose permission is waited for.
TOOL: Final = "call.tool_name"
# The parameters of that tool: the parameter that says most, else all of them as JSON. They are redacted as they are stored.
_TELLING: Final = ", ".join(f"call.parameters ->> '{name}'" for name in (*TELLING_PARAMETERS, "plan"))
INPUT: Final = _one_line(f"coalesce({_TELLING}, call.parameters -> 'questions' -> 0 ->> 'question', call.parameters::text)")
# The questions of that call, each with its answers to choose from.
_QUESTIONS: Final = rf"""(SELECT nullif(string_agg(concat_ws(E'\n', q ->> 'question',
                (SELECT string_agg('• ' || (o ->> 'label'), E'\n') FROM {_elements("q -> 'options'")} AS o)), E'\n\n'), '')
            FROM {_elements("call.parameters -> 'questions'")} AS q)"""
# The whole that a person decides on, in its own lines: what waits for a permission, the questions, else the end of Claude's last message. The cut is told by `…`.
ASKS: Final = f"""
    CASE WHEN told.state NOT IN ('permission', 'input') THEN NULL
        WHEN call.parameters IS NOT NULL THEN (
            SELECT CASE WHEN length(text) > {ASKS_CHARACTERS} THEN left(text, {ASKS_CHARACTERS}) || '…' ELSE text END
            FROM coalesce({_QUESTIONS}, {_TELLING}, call.parameters::text) AS text)
        WHEN told.state = 'input' THEN (
            SELECT CASE WHEN length(text) > {SAID_CHARACTERS} THEN '…' || right(text, {SAID_CHARACTERS}) ELSE text END
            FROM (
                SELECT btrim(m.content, E' \\n') AS text FROM messages AS m
                WHERE m.session_id = s.session_id AND m.occurred_at >= sign.prompted_at AND m.role = 'assistant' AND m.agent_id IS NULL
                ORDER BY m.occurred_at DESC, m.id DESC LIMIT 1
            ) AS said)
        END"""
# Why its turn failed: the API's error, else the result of the turn's last call that failed.
ERROR: Final = _one_line("failure.text")
# `s` is the session. `file`: of its processes that live, the one whose state changed last; one that has gone on with another session does not count.
# A file that says that a turn is over does not know why: a sign of an error or an interruption does.
# A call from before the last prompt was interrupted: nothing tells of that. A transcript has all calls of a message at once,
# but a thread runs them one by one. So the first of its calls without a result runs, or is asked about. Among several threads it is the one
# whose call began last, since an agent's calls begin after the call that started it.
JOIN: Final = f"""
    LEFT JOIN session_signs AS sign ON sign.session_id = s.session_id
    LEFT JOIN LATERAL (
        SELECT p.does, p.does_since, p.read_at, p.heard_at FROM session_processes AS p
        WHERE p.session_id = s.session_id AND p.is_alive AND p.does IS NOT NULL AND NOT EXISTS (
            SELECT FROM session_processes AS o
            WHERE o.machine_id = p.machine_id AND o.pid = p.pid AND o.session_id <> p.session_id AND o.read_at > p.read_at)
        ORDER BY p.does_since DESC, p.read_at DESC, p.machine_id, p.pid LIMIT 1
    ) AS file ON true
    CROSS JOIN LATERAL (
        SELECT {_SIGNED} AS state
    ) AS signed
    CROSS JOIN LATERAL (
        SELECT coalesce((file.read_at >= greatest(sign.worked_at, sign.waits_since, sign.idle_at, '-infinity')
            OR file.does = signed.state AND file.does <> 'working' AND file.does_since >= sign.worked_at) AND NOT ({_IS_BUSY_FOR_AGENT}), false) AS is_believed,
            coalesce(file.does = 'input' AND signed.state IN ('error', 'interrupted'), false) AS is_explained
    ) AS heard
    CROSS JOIN LATERAL (
        SELECT heard.is_believed AND NOT heard.is_explained AS is_of_file,
            CASE WHEN heard.is_believed AND NOT heard.is_explained THEN file.does ELSE signed.state END AS state
    ) AS told
    LEFT JOIN LATERAL (
        SELECT first.agent_id, first.tool_name, first.occurred_at, first.parameters FROM (
            SELECT DISTINCT ON (newest.agent_id) newest.* FROM (
                SELECT t.id, t.agent_id, t.tool_name, t.occurred_at, t.status, t.parameters FROM tool_calls AS t
                WHERE t.session_id = s.session_id AND t.occurred_at >= sign.prompted_at AND told.state IN ('working', 'permission', 'input')
                ORDER BY t.occurred_at DESC LIMIT {_CALLS}
            ) AS newest
            WHERE newest.status = 'pending' AND (told.state <> 'input' OR newest.tool_name IN {_ASKING}) ORDER BY newest.agent_id, newest.occurred_at, newest.id
        ) AS first
        ORDER BY first.occurred_at DESC, first.id LIMIT 1
    ) AS call ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(
            (SELECT e.content FROM timeline_entries AS e
             WHERE e.session_id = s.session_id AND e.occurred_at >= sign.prompted_at AND e.kind = 'api_error' AND e.agent_id IS NULL
             ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1),
            (SELECT t.result FROM tool_calls AS t
             WHERE t.session_id = s.session_id AND t.occurred_at >= sign.prompted_at AND t.status IN ('error', 'timeout')
             ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1)) AS text
        WHERE told.state = 'error'
    ) AS failure ON true"""

"""The result of a command on standard output: sentences and tables for people, JSON for programs."""

from typing import TYPE_CHECKING, Any

from rich import box
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from client.history.jobs import COUNTS, Job
from client.output.console import Console
from client.output.local_time import local_zone, short_time
from client.output.terminal import one_line, write_json
from client.phrases import command
from shared import quantities
from shared.quantities import counted, plural

if TYPE_CHECKING:
    # Only `tracker import` loads these modules (client/command_line.py).
    from client.history.importing import Result
    from client.history.plan import Plan

SHOWN_PROBLEMS = 10
SHOWN_FILES = 20
# The columns of the table of jobs, besides the first.
_OTHER_COLUMNS = 42


def write_result(result: "Result", *, as_json: bool) -> None:
    """The result of an import."""
    if as_json:
        write_json(_result(result))
        return
    console = Console()
    if result.jobs:
        console.print(_table(result))
    problems = [f"{problem.path}: {problem.reason}" for problem in result.problems]
    _write_list(console, "Files that could not be imported:", problems, len(problems))
    _write_list(console, "What could not be read in the files:", [_located(error) for error in result.errors], result.total("errors_total"))
    unread = [f"{name} ({number:,})" for name, number in result.unread.most_common()]
    _write_list(
        console, "What the server does not read yet (nothing is lost: transcripts are kept, see `tracker doctor`):", unread, len(unread)
    )
    if not result.jobs and not result.problems:
        known = plural(result.files_known, "the file", f"all {result.files_known:,} files")
        _write_line(console, f"Nothing is new: the server has {known}.")


def _table(result: "Result") -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("New")
    table.add_column("", justify="right")
    names = {
        "Projects": "projects_imported",
        "Sessions": "sessions_imported",
        "Messages": "conversations_imported",
        "Tool calls": "tool_calls_imported",
        "File changes": "activities_imported",
    }
    for label, name in names.items():
        table.add_row(label, f"{result.total(name):,}")
    table.add_section()
    table.add_row("Seen twice, stored once", f"{result.total('duplicates'):,}")
    table.add_section()
    table.add_row("Files sent", f"{result.files_sent:,} ({decimal(result.bytes_sent)})")
    table.add_row("Files the server had", f"{result.files_known:,}")
    table.add_row("Files that failed", f"{len(result.problems):,}")
    for job in result.jobs:
        if came := _came(job):
            table.add_row(Text(came), "")
        table.add_row(Text(f"Job {job['job_id']}"), _state(job))
    return table


def write_plan(plan: "Plan", *, as_json: bool) -> None:
    """The result of a dry run."""
    files = [{"path": str(file.path), "bytes": file.size} for file in plan.files]
    bytes_to_send = sum(file.size for file in plan.files)
    if as_json:
        known = {"files_known": plan.known, "bytes_known": plan.known_bytes}
        problems = [{"file": problem.path, "message": problem.reason} for problem in plan.problems]
        write_json({"files_to_send": len(files), "bytes_to_send": bytes_to_send} | known | {"files": files, "problems": problems})
        return
    console = Console()
    _write_line(
        console,
        f"Would send {counted(len(files), 'file')} ({decimal(bytes_to_send)} before compression). The server has {plan.known:,} ({decimal(plan.known_bytes)}).",
    )
    _write_list(console, "To be sent:", [f"{file.path} ({decimal(file.size)})" for file in plan.files], len(files), SHOWN_FILES)
    problems_seen = [f"{problem.path}: {problem.reason}" for problem in plan.problems]
    _write_list(console, "Files that cannot be imported:", problems_seen, len(problems_seen))


def write_jobs(jobs: list[Job], *, as_json: bool) -> None:
    """A table of import jobs, and a sentence for each undo. Times are in this machine's time zone."""
    if as_json:
        write_json(jobs)
        return
    console = Console()
    if not jobs:
        _write_line(console, f"No import jobs yet; `{command()} import` starts one.")
        return
    zone = local_zone()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    for name in ("Job", "Started", "State"):
        table.add_column(name, no_wrap=True)
    for name in ("Messages", "Errors"):
        table.add_column(name, justify="right")
    for job in jobs:
        # An undo counts nothing.
        messages = f"{job['conversations_imported']:,}" if job["kind"] == "import" else ""
        table.add_row(
            _named(job, console.width),
            short_time(job["created_at"], zone),
            _state(job),
            messages,
            f"{job['errors_total']:,}",
        )
    console.print(table)
    for job in jobs:
        if job["undoes"]:
            _write_line(console, f"{job['job_id']} {_UNDO_VERBS.get(job['status'], 'removes')} what {job['undoes']} imported.")


def _named(job: Job, width: int) -> Text:
    """The id of the job, and below it what came. It is cut, so that the other columns stay."""
    came = Text(_came(job), style="dim")
    came.truncate(max(len(job["job_id"]), width - _OTHER_COLUMNS), overflow="ellipsis")
    return Text.assemble(job["job_id"], "\n", came) if came else Text(job["job_id"])


def _came(job: Job) -> str:
    """`312 files of ~/.claude/projects on ann-laptop`: what was sent, and how many files were read of it."""
    names = [one_line(str(file.get("name") or file.get("kind") or "a file")) for file in job.get("files", ())]
    named = names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "") if names else ""
    done = job.get("files_done", 0)
    return f"{counted(done, 'file')} of {named}" if named and done > len(names) else named


_UNDO_VERBS = {"succeeded": "removed", "failed": "could not remove"}
_STATES = {"queued": "waiting", "succeeded": "imported"}
_UNDO_STATES = {"queued": "undo waiting", "succeeded": "undo done", "failed": "undo failed"}


def _state(job: Job) -> str:
    """`imported`, `importing, 60%`, `undone`, `undo done`"""
    is_import = job["kind"] == "import"
    if job["kind"] == "reparse":
        return f"reparsing, {job['progress']:.0%}" if job["status"] == "running" else f"reparse {job['status']}"
    if job["status"] == "running":
        return f"{'importing' if is_import else 'undoing'}, {job['progress']:.0%}"
    if is_import and job["undone_at"]:
        return "undone"
    status = str(job["status"])
    return (_STATES if is_import else _UNDO_STATES).get(status, status)


def write_job_change(change: dict[str, Any]) -> None:
    """The server's answer to a cancel, a retry or an undo."""
    _write_line(Console(), f"{change['message']} `{command()} jobs` shows how far it is. It is job {change['job_id']}.")


def write_job_end(job: Job) -> None:
    """How a job ended, as a sentence, and its errors."""
    console = Console()
    ends = {"undo": _end_of_undo, "reparse": _end_of_reparse}
    _write_line(console, ends.get(job["kind"], _end_of_import)(job))
    _write_list(console, "Errors:", [_located(error) for error in job["errors"]], job["errors_total"])


def _end_of_undo(job: Job) -> str:
    if job["status"] == "succeeded":
        return f"Undone: what job {job['undoes']} imported is removed, except what another import or the API brought too."
    return f"The undo {job['job_id']} {job['status']}. Run `{command()} undo {job['undoes']}` again; it continues where it stopped."


def _end_of_reparse(job: Job) -> str:
    changes = job["changes"]
    changed = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(changes.items())) or "nothing changed"
    if job["selection"].get("dry_run"):
        return f"A reparse of {counted(job['rows_done'], 'record')} would do this: {changed}."
    if job["status"] == "succeeded":
        return f"Reparsed: {counted(job['rows_done'], 'record')} read; {changed}."
    return f"The reparse {job['job_id']} {job['status']}; so far {changed}. Start it again: what is done already does not change."


def _end_of_import(job: Job) -> str:
    job_id, messages = job["job_id"], counted(job["conversations_imported"], "message")
    if job["status"] == "succeeded":
        return f"Imported: job {job_id} is done and stored {messages}."
    if job["status"] == "cancelled":
        return f"Cancelled: job {job_id} had stored {messages}. They stay; `{command()} undo {job_id}` removes them."
    return f"The import {job_id} failed after {messages}. `{command()} retry {job_id}` continues where it stopped."


def write_accounting(accounting: dict[str, Any], *, as_json: bool) -> None:
    """The accounting equation of the API's events with the meaning of each number, and whether it holds."""
    if as_json:
        write_json(accounting)
        return
    console = Console()
    _write_line(console, "Events sent to the API:")
    table = Table(box=None, show_header=False, show_edge=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for sign, state, meaning in _ACCOUNTING:
        table.add_row(f"{sign} {state}", f"{accounting[state]:,}", meaning.format(command=command()))
    console.print(table)
    _write_line(console, f"Imported history is not in these numbers; `{command()} jobs` shows what became of an import.")
    if former := accounting["former_epochs"]:
        _write_line(console, f"The journal was replaced {counted(former, 'time')}; events from before are not in these numbers.")
    if (age := accounting["canary_age_seconds"]) is not None:
        _write_line(console, f"The newest test event that the tracker sent itself and found stored is {quantities.age(age)} old.")
    if drift := accounting["drift"]:
        _write_line(
            console,
            f"{counted(drift, 'event')} {plural(drift, 'is', 'are')} missing or counted twice. Look for accounting_drift in the worker's log.",
        )
    else:
        _write_line(console, "No event is lost: every accepted event is accounted for.")
    damaged = [f"{each['session_id']}/{each['file']} is {each['reason']}" for each in accounting.get("damaged_transcripts", ())]
    _write_list(console, "Transcripts that cannot be read in the archive:", damaged, len(damaged))


_ACCOUNTING = (
    (" ", "accepted", "the API confirmed them"),
    ("=", "persisted", "stored in the database"),
    ("+", "duplicate", "sent again, not stored again"),
    ("+", "dead", "cannot be stored; see `{command} dead-letters`"),
    ("+", "pending", "on their way to the database"),
)


def _result(result: "Result") -> dict[str, Any]:
    files = {"files_sent": result.files_sent, "bytes_sent": result.bytes_sent, "files_known": result.files_known}
    counts = {name: result.total(name) for name in COUNTS}
    jobs = [{"job_id": job["job_id"], "status": job["status"]} for job in result.jobs]
    problems = [{"file": problem.path, "message": problem.reason} for problem in result.problems]
    found = {"unknown_records": dict(result.unread), "errors": result.errors, "problems": problems}
    return {"success": result.is_whole} | files | counts | found | {"jobs": jobs}


def _write_list(console: Console, title: str, lines: list[str], total: int, shown: int = SHOWN_PROBLEMS) -> None:
    if not lines:
        return
    _write_line(console, title)
    for line in lines[:shown]:
        _write_line(console, f"  {line}")
    if total > shown:
        _write_line(console, f"  … and {total - shown} more")


def _located(error: dict[str, Any]) -> str:
    """`file:line: what is wrong there`"""
    place = str(error.get("file", ""))
    if "line" in error:
        place += f":{error['line']}"
    elif "offset" in error:
        place += f" at byte {error['offset']}"
    return f"{place}: {error['message']}" if place else str(error["message"])


def _write_line(console: Console, text: str) -> None:
    # Never wrapped or coloured, so that paths can be copied.
    console.print(text, soft_wrap=True)

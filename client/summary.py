"""What came of it, on standard output: a table for people, JSON for programs."""

import json
import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from client.history.importing import COUNTS, Result
from client.history.plan import Plan
from client.jobs import Job

SHOWN_PROBLEMS = 10
SHOWN_FILES = 20


def write_json(value: Any) -> None:
    """One object on one line."""
    sys.stdout.write(json.dumps(value) + "\n")


def write_result(result: Result, *, as_json: bool) -> None:
    """After an import."""
    if as_json:
        write_json(_result(result))
        return
    console = Console()
    if result.jobs:
        console.print(_table(result))
    problems = [f"{problem.path}: {problem.reason}" for problem in result.problems]
    _some(console, "Files that could not be imported:", problems, len(problems))
    _some(console, "What could not be read in them:", [_place(error) for error in result.errors], result.total("errors_total"))
    if not result.jobs and not result.problems:
        _say(console, f"Nothing new: all {result.files_known} files are known to the server.")


def _table(result: Result) -> Table:
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
    table.add_row("Duplicates, left out", f"{result.total('duplicates'):,}")
    table.add_section()
    table.add_row("Files sent", f"{result.files_sent:,} ({decimal(result.bytes_sent)})")
    table.add_row("Files already known", f"{result.files_known:,}")
    table.add_row("Files that failed", f"{len(result.problems):,}")
    for job in result.jobs:
        table.add_row(Text(f"Job {job['job_id']}"), job["status"])
    return table


def write_plan(plan: Plan, *, as_json: bool) -> None:
    """Of a dry run."""
    files = [{"path": str(file.path), "bytes": file.size} for file in plan.files]
    bytes_to_send = sum(file.size for file in plan.files)
    if as_json:
        known = {"files_known": plan.known, "bytes_known": plan.known_bytes}
        problems = [{"file": problem.path, "message": problem.reason} for problem in plan.problems]
        write_json({"files_to_send": len(files), "bytes_to_send": bytes_to_send} | known | {"files": files, "problems": problems})
        return
    console = Console()
    _say(
        console,
        f"Would send {len(files)} files ({decimal(bytes_to_send)} before packing); {plan.known} are known ({decimal(plan.known_bytes)}).",
    )
    _some(console, "To be sent:", [f"{file.path} ({decimal(file.size)})" for file in plan.files], len(files), SHOWN_FILES)
    problems_seen = [f"{problem.path}: {problem.reason}" for problem in plan.problems]
    _some(console, "Files that cannot be imported:", problems_seen, len(problems_seen))


def write_jobs(jobs: list[Job], *, as_json: bool) -> None:
    """A list of them."""
    if as_json:
        write_json(jobs)
        return
    if not jobs:
        _say(Console(), "No import jobs yet; `tracker import` makes one.")
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    for name in ("Job", "Created", "Kind", "Status"):
        table.add_column(name, no_wrap=True)
    for name in ("Messages", "Errs"):
        table.add_column(name, justify="right")
    for job in jobs:
        created = job["created_at"][5:16].replace("T", " ")
        # What an undo took back it does not count.
        messages = f"{job['conversations_imported']:,}" if job["kind"] == "import" else ""
        table.add_row(job["job_id"], created, job["kind"], _status(job), messages, f"{job['errors_total']:,}")
    console = Console()
    console.print(table)
    for job in jobs:
        if job["undoes"]:
            _say(console, f"{job['job_id']} takes back what {job['undoes']} brought.")


def _status(job: Job) -> str:
    """Its status; of one that runs how far it is; of an import that was taken back, that."""
    if job["status"] == "running":
        return f"at {job['progress']:.0%}"
    return "undone" if job["undone_at"] else str(job["status"])


def write_end(job: Job) -> None:
    """How a job ended that was waited for."""
    console = Console()
    if job["kind"] == "undo" and job["status"] == "succeeded":
        _say(console, f"What the job {job['undoes']} brought is taken back. Job {job['job_id']}: {job['status']}.")
        return
    _say(
        console,
        f"Job {job['job_id']}: {job['status']}; {job['conversations_imported']:,} messages are in."
        if job["kind"] == "import"
        else f"Job {job['job_id']}: {job['status']}.",
    )
    _some(console, "What went wrong:", [_place(error) for error in job["errors"]], job["errors_total"])


def write_accounting(accounting: dict[str, Any], *, as_json: bool) -> None:
    """The journal's equation, and whether it holds."""
    if as_json:
        write_json(accounting)
        return
    table = Table(box=None, show_header=False, show_edge=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for sign, state in (("", "accepted"), ("= ", "persisted"), ("+ ", "duplicate"), ("+ ", "dead"), ("+ ", "pending")):
        table.add_row(f"{sign}{state}", f"{accounting[state]:,}")
    console = Console()
    console.print(table)
    if accounting["former_epochs"]:
        console.print(f"{accounting['former_epochs']:,} journals were replaced by this one; their events are not in these numbers.")
    if accounting["canary_age_seconds"] is not None:
        console.print(f"The newest event of the tracker's own that came back was sent {accounting['canary_age_seconds']:.0f} s ago.")
    if accounting["drift"]:
        console.print(f"{accounting['drift']:,} events are missing or too many; the worker's log says since when (accounting_drift).")
    else:
        console.print("All are accounted for.")


def _result(result: Result) -> dict[str, Any]:
    files = {"files_sent": result.files_sent, "bytes_sent": result.bytes_sent, "files_known": result.files_known}
    counts = {name: result.total(name) for name in COUNTS}
    jobs = [{"job_id": job["job_id"], "status": job["status"]} for job in result.jobs]
    problems = [{"file": problem.path, "message": problem.reason} for problem in result.problems]
    return {"success": result.is_whole} | files | counts | {"errors": result.errors, "problems": problems, "jobs": jobs}


def _some(console: Console, title: str, lines: list[str], total: int, shown: int = SHOWN_PROBLEMS) -> None:
    if not lines:
        return
    _say(console, title)
    for line in lines[:shown]:
        _say(console, f"  {line}")
    if total > shown:
        _say(console, f"  … and {total - shown} more")


def _place(error: dict[str, Any]) -> str:
    """file:line: what is wrong there."""
    place = str(error.get("file", ""))
    if "line" in error:
        place += f":{error['line']}"
    elif "offset" in error:
        place += f" at byte {error['offset']}"
    return f"{place}: {error['message']}" if place else str(error["message"])


def _say(console: Console, text: str) -> None:
    # Never broken or coloured: a path is to be copied.
    console.print(text, markup=False, highlight=False, soft_wrap=True)

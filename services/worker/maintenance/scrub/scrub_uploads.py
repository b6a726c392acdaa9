"""Imports, whose uploads have what they bring: those that run are waited for, files of failed ones are deleted where that was asked for."""

import time
from typing import Any, Final

from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from shared.blobs.stores import store_at
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "scrub_uploads.sql")

# A job that runs for longer is named.
PATIENCE_SECONDS: Final = 600.0


def await_imports(step: Step) -> Done:
    """Waits for the imports and reparses from before given texts were kept out: what they have read by then may be stored behind the scrub."""
    if not step.options.text_count or not (after := _still_running(step, _SQL.running_jobs)):
        return Done(None)
    if _may_wait(after):
        return Done(after, waits=True)
    why = (
        "Imports or reparses from before the scrub that still run: they may have stored a text behind it. Scrub again when they have ended."
    )
    return Done(None, remains={"imports": why})


def await_uploads(step: Step) -> Done:
    """Waits for the imports that are there now. An upload that is left is named."""
    if (after := _still_running(step, _SQL.running_uploads)) and _may_wait(after):
        return Done(after, waits=True)
    if step.options.delete_uploads:
        _delete_failed(step)
    [(running, failed)] = step.connection.execute(_SQL.left).fetchall()
    if not running and not failed:
        return Done(None)
    said = f"The uploads of {running} imports that are not done, and of {failed} that failed: they go with their import, or a day after it failed."
    return Done(None, remains={"uploads": f"{said} Cancel or undo it, or scrub again with `delete_uploads`."})


def _still_running(step: Step, jobs: str) -> str | None:
    """When the stage began to wait, if a job from before still runs: its `after`."""
    began_at = step.after or str(time.time())
    [(running,)] = step.connection.execute(jobs.encode(), {"until": float(began_at)}).fetchall()
    return began_at if running else None


def _may_wait(after: str) -> bool:
    return time.time() < float(after) + PATIENCE_SECONDS


def _delete_failed(step: Step) -> None:
    """Deletes their files, then what says that they have some: a worker that dies in between finds it again."""
    store = store_at(step.worker.settings.blob_url)
    rows: list[tuple[Any, list[dict[str, Any]]]] = step.connection.execute(_SQL.failed).fetchall()
    for job_id, files in rows:
        for file in files:
            if blob_url := file.get("blob_url"):
                store.delete(blob_url)
        step.connection.execute(_SQL.forget_failed, {"id": job_id})

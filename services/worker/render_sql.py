"""`python -m services.worker.render_sql` (`make render-sql`): writes the composed statements to services/worker/rendered, for reviews and EXPLAIN.

Nothing reads these files at run time. A test compares them with what the worker sends.
"""

from pathlib import Path
from typing import Final

from services.worker.importers.job import undo, withdraw_rows
from services.worker.maintenance import rebuild, reprice, verify
from services.worker.maintenance.scrub import scrub_names, scrub_rows
from services.worker.maintenance.scrub.scrub_tables import text_tables
from services.worker.persist import persist_batch
from services.worker.sessions import fork_ownership, reattribution, session_rebuild, tool_maxima

FOLDER: Final = Path(__file__).parent / "rendered"
_HEAD: Final = "-- Composed by {module}. Do not edit: `make render-sql` writes this file.\n"


def rendered() -> dict[str, str]:
    """{file name: its text}."""
    checks = verify.checks()
    return {
        "persist.sql": _file(persist_batch, persist_batch.persist_statement().decode()),
        "reattribution_withdraw.sql": _file(reattribution, reattribution.withdraw().decode()),
        "reattribution_contribute.sql": _file(reattribution, reattribution.contribute().decode()),
        "reattribution_active_days.sql": _file(reattribution, reattribution.rebuild_days().decode()),
        "reattribution_session_keys.sql": _file(
            reattribution,
            reattribution.sessions_to_move().decode(),
            reattribution.sessions_to_move_if_forgotten().decode(),
            reattribution.update_keys().decode(),
        ),
        "rebuild_sessions.sql": _file(session_rebuild, session_rebuild.rebuild_statement().decode()),
        "delete_empty_sessions.sql": _file(session_rebuild, session_rebuild.delete_empty_statement().decode()),
        "withdraw_rows.sql": _file(withdraw_rows, withdraw_rows.delete_rows().decode(), withdraw_rows.shrink_sessions().decode()),
        "fork_ownership.sql": _file(fork_ownership, fork_ownership.other_sessions().decode(), fork_ownership.sessions_to_move().decode()),
        "tool_maxima.sql": _file(tool_maxima, *tool_maxima.look_up_statements()),
        "undo_sessionless.sql": _file(undo, undo.delete_sessionless().decode()),
        **{f"verify_{name.replace(' ', '_')}.sql": _file(verify, check.statement()) for name, check in checks.items()},
        "reprice.sql": _file(
            reprice,
            reprice.next_calls(has_session=True),
            reprice.next_calls(has_session=False),
            reprice.reprice_statement().decode(),
            reprice.dropped_calls(),
        ),
        "scrub.sql": _file(
            scrub_rows,
            *(sql for table in text_tables() for sql in (scrub_rows.select_chunk(table, is_first=False), scrub_rows.update_row(table))),
        ),
        "scrub_names.sql": _file(scrub_names, *(sql for name in scrub_names.NAMES for sql in scrub_names.rename_statements(name))),
        "rebuild_aggregates.sql": _file(rebuild, *(rebuild.fill_statement(checks[table]) for table in rebuild.tables())),
    }


def _file(module: object, *statements: str) -> str:
    return "\n".join((_HEAD.format(module=getattr(module, "__name__", "")), *(f"{statement};\n" for statement in statements)))


def main() -> None:
    """Replaces all files of the folder."""
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.sql"):
        file.unlink()
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

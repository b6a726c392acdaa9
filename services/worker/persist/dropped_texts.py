"""Sessions whose texts were dropped (services/worker/maintenance/retention/drop_texts.py): rows of them that come again come without their texts.

Such a row looks as the stored one does after its texts have gone, so it is no better version of it. `dropped_texts` has for each session the time
before which rows have no texts. It is asked under the locks of the batch's sessions, which the dropping takes too. A prompt without a session stays
empty where it is stored as empty.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from services.worker.persist.staging.staging_tables import Staged
from services.worker.sql_text import listed, sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "dropped_texts.sql")

_IS_ANY_DROPPED: Final = "SELECT EXISTS (SELECT FROM dropped_texts WHERE session_id = ANY(%(session_ids)s))"
_WITHOUT_TEXTS: Final = "SELECT session_id FROM dropped_texts WHERE session_id = ANY(%(session_ids)s)"


@dataclass(frozen=True, slots=True)
class RowTexts:
    """The texts of a table of rows. `emptied`: {column: SQL of what is left of it}; `has_texts`: SQL over a row that still has some."""

    emptied: Mapping[str, str]
    has_texts: str

    @property
    def assignments(self) -> str:
        """For SET."""
        return listed(f"{name} = {value}" for name, value in self.emptied.items())


def _nothing(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "NULL")


# Names of tools, models and files, numbers and classes of errors are no texts. An entry's details keep their numbers and the tracker's own words.
ROW_TEXTS: Final[dict[str, RowTexts]] = {
    "messages": RowTexts({"content": "''"}, "content <> ''"),
    "tool_calls": RowTexts(
        _nothing("parameters", "result", "result_left_out", "result_cut_at", "result_media"),
        "(parameters IS NOT NULL OR result IS NOT NULL OR result_media IS NOT NULL)",
    ),
    "activities": RowTexts(_nothing("patch", "patch_left_out"), "patch IS NOT NULL"),
    "timeline_entries": RowTexts({"content": "''", "details": _SQL.kept_details}, "content <> ''"),
}
# A title that is no person's own is made of texts: of the first prompt, or of the conversation up to the last record.
TITLE_IS_OLD: Final = "title_rank < 4 AND coalesce(CASE WHEN title_rank = 1 THEN first_record_at ELSE last_record_at END, '-infinity')"


def empty_staged(table: str) -> str:
    """Takes the texts out of the staged rows of one table that have dropped ones."""
    return sql(_SQL.empty_staged, table=table, assignments=ROW_TEXTS[table].assignments)


def empty_dropped(connection: Connection[Any], staged: Staged, session_ids: list[str]) -> None:
    """Takes the texts out of the staged rows of a batch that were dropped. `session_ids`: of the batch and of rows that it has too, all locked."""
    if "staged_messages" in staged.sessionless:
        connection.execute(_SQL.keep_empty)
    if not session_ids:
        return
    [(is_any_dropped,)] = connection.execute(_IS_ANY_DROPPED, {"session_ids": session_ids}).fetchall()
    if is_any_dropped:
        for table in ROW_TEXTS:
            if staged.rows[f"staged_{table}"]:
                connection.execute(empty_staged(table).encode())
        if staged.rows["staged_session_facts"]:
            connection.execute(sql(_SQL.empty_staged_facts, is_old=TITLE_IS_OLD).encode())


def sessions_without_texts(connection: Connection[Any], session_ids: Collection[str]) -> set[str]:
    """Which of these sessions have texts that were dropped. Their files are not archived by an import: a content has old and new texts."""
    return {row[0] for row in connection.execute(_WITHOUT_TEXTS, {"session_ids": sorted(session_ids)})}

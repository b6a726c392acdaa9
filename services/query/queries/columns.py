"""The columns that a statement selects for an answer's fields of an act: those of its table under the same names.

A statement has `{call}` for them, of a row `t`, and says the others. So a new column that is shown as it is stands in no statement.
"""

from typing import Final

from services.query.answers.answer import Answer
from services.query.answers.lists import FileActivity, Message, SessionToolCall
from services.query.answers.timeline import EntryItem, MessageItem, TimelineChange
from services.query.answers.tool_calls import ChangeOfCall
from shared.tables.catalogue import TABLES


def _columns(answer: type[Answer], table: str, *otherwise: str) -> str:
    """`otherwise`: fields whose column the statement has in another form, or that are of another place."""
    known = {*TABLES[table].named()}.difference(otherwise)
    return ", ".join(f"t.{name}" for name in answer.__struct_fields__ if name in known)


_PLACE: Final = ("id", "agent_id", "kind")
COLUMNS: Final = {
    "message": _columns(Message, "messages", "project_id"),
    "message_item": _columns(MessageItem, "messages", *_PLACE),
    "call": _columns(SessionToolCall, "tool_calls", "project_id", "parameters", "result"),
    "activity": _columns(FileActivity, "activities", "project_id", "patch"),
    "change_of_call": _columns(ChangeOfCall, "activities"),
    "change": _columns(TimelineChange, "activities", "id", "tool_call_id"),
    "entry_item": _columns(EntryItem, "timeline_entries", *_PLACE),
}

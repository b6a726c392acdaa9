"""The fields that answers have of an act, wherever it is shown: in a list, in a timeline, with another act. A column of an act that is shown is told here."""

from typing import Annotated, Any, Literal

from services.query.answers.answer import Answer
from services.query.answers.fields import doc


class MessageFields(Answer, kw_only=True):
    role: Literal["user", "assistant"]
    content: Annotated[str, doc("Empty if Claude only called tools.")]


class CallFields(Answer, kw_only=True):
    tool_name: str
    parameters: Annotated[Any, doc("The parameters as they were sent; null if there were none.")]
    result_status: Literal["success", "error", "rejected", "cancelled", "timeout", "pending"]
    error_class: Annotated[
        str | None,
        doc(
            "Why it failed, as `file_not_found`; `other` if no rule says why. null: it did not fail, or it was stored before there were classes.",
            examples=["file_not_found"],
        ),
    ]
    execution_time_ms: int | None
    duration_source: Annotated[
        Literal["reported", "timestamps"] | None,
        doc("`reported`: measured by Claude Code. `timestamps`: time between call and result, waiting for permission included."),
    ]
    wait_ms: Annotated[int | None, doc("How long it waited before it ran, as for a permission; null if not known.")]


class ChangeFields(Answer, kw_only=True):
    file_path: str | None
    action: Literal["created", "modified", "deleted"]
    lines_added: int
    lines_removed: int
    is_estimated: Annotated[bool, doc("True if the line counts are estimated from the tool call.")]

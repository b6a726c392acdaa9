"""One tool call: the answer, and its id in a path."""

from typing import Annotated
from uuid import UUID

from services.query.answers.acts import ChangeFields
from services.query.answers.answer import Answer
from services.query.answers.fields import doc
from services.query.answers.lists import SessionToolCall


class FileChange(ChangeFields, kw_only=True):
    patch: Annotated[str | None, doc("A unified diff without its head; null if it is not known.")]
    patch_left_out_lines: Annotated[int, doc("How many lines are missing at its end.")]


class ChangeOfCall(FileChange, kw_only=True):
    id: UUID


class CallTelemetry(Answer):
    """Facts of a call that only Claude Code's telemetry has. null: it does not say, or it is off."""

    commit: Annotated[str | None, doc("The revision of the commit that the call made.")]
    branch: Annotated[str | None, doc("The branch of that commit.")]


class ToolCallDetails(SessionToolCall, kw_only=True):
    changes: Annotated[list[ChangeOfCall], doc("The files that the call changed.")]
    telemetry: CallTelemetry

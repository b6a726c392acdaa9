"""Search in everything."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from services.query.answers.search import DocumentPage
from services.query.database import Connection
from services.query.http.parameters import RESPONSES, dates, is_bound, page_of_json, settings_of
from services.query.http.pattern_searches import PatternSearches
from services.query.http.read_response import read_response
from services.query.parameters.fields import (
    Absent,
    Dated,
    Filtered,
    OptionalBranch,
    OptionalRole,
    OptionalSession,
    OptionalText,
    Text,
    text_of,
)
from services.query.queries.search.search_documents import Wanted, search_documents
from services.query.queries.stats import ranges
from shared.auth.scopes import READ, requires
from shared.http.errors import invalid

MAX_QUERY_CHARS = 2_000

Kind = Literal["message", "tool_call", "command", "input", "result", "file", "session", "timeline_entry"]
_KINDS = (
    "`input`, `result`: in that part of a tool call; `command`: in what Bash was given; `file`: paths; `session`: titles, notes, tags; "
    "`timeline_entry`: summaries of compactions, commands of Claude Code."
)


class DocumentSearch(Dated, Filtered):
    q: Annotated[
        Text | None,
        Absent(),
        Field(
            max_length=MAX_QUERY_CHARS,
            description='Words that must all match (the last one also as a prefix), `"a phrase"`, `-not`, `or`; and filters: `project:shop` '
            "(name, end of the path or id), `user:`, `tool:`, `file:`, `branch:`, `role:`, `kind:`, `machine:`, `session:`, `agent:`, `is:error`, "
            '`is:starred`, `before:`, `after:` (a date, `7d`, `yesterday`). A value with spaces is quoted: `project:"my shop"`. '
            "More than 32 words are a pasted text, of which the words alone count. A filter goes before the parameter of its name. "
            "With `mode=literal` and `mode=regex` it is taken as it stands.",
            examples=["retry upload project:shop is:error"],
        ),
    ] = None
    mode: Literal["words", "literal", "regex"] = Field(
        "words",
        description="`literal`: texts that have `q` in them, anywhere. `regex`: a regular expression as RE2 has them, without "
        "back references and looks around, of at most 256 characters; `\\y` is `\\b`. Two such searches run at a time.",
    )
    case: bool = Field(False, description="With `mode=literal` and `mode=regex`: upper and lower case are different.")
    sort: Literal["best", "newest"] = Field("best", description="`best`: by score among the newest 500 matches, then newest first.")
    group_by: Annotated[
        Literal["session"] | None,
        Absent(),
        Field(description="`session`: sessions with their best matches."),
    ] = None
    context: bool = Field(False, description="Also what was said before and after each match.")
    include_content: bool = Field(False, description="Also the whole text of each match. A page holds at most 8 MiB of text.")
    correct: bool = Field(True, description="In `ranked`: take a near word instead of one that no session has.")
    kind: Annotated[Kind | None, Absent(), Field(description=f"Only this kind. {_KINDS}")] = None
    session_id: OptionalSession = None
    tool_name: Annotated[OptionalText, text_of("Only this tool, in any case.", examples=["Bash"])] = None
    role: OptionalRole = None
    branch: OptionalBranch = None
    is_error: Annotated[bool | None, Absent(), Field(description="Only tool calls that failed; or only what did not.")] = None
    is_starred: Annotated[bool | None, Absent(), Field(description="Only sessions with a star; or only those without.")] = None
    limit: int = Field(50, ge=1, le=200, description="Most items on a page.")


router = APIRouter(tags=["search"], responses=RESPONSES)


@router.get("/api/search", response_model=DocumentPage, summary="Search in everything that was said and done")
@requires(READ)
async def search_everything(request: Request, parameters: Annotated[DocumentSearch, Query()]) -> Response:
    """Messages, commands, what tools were given and gave back, paths, titles, notes and tags. A search never fails because it takes long.

    If its time is over, the answer has what was found so far, and `is_complete` is false.
    """
    wanted, page = _wanted(request, parameters), page_of_json(request, parameters)

    def search(connection: Connection) -> DocumentPage:
        return search_documents(connection, request.app.state.search_index, wanted, page)

    if wanted.mode == "regex":
        patterns: PatternSearches = request.app.state.pattern_searches
        return await patterns.answer(request, search)
    return await run_in_threadpool(read_response, request, search)


def _wanted(request: Request, parameters: DocumentSearch) -> Wanted:
    text = parameters.q or ""
    if parameters.mode != "words" and not text:
        raise invalid("q", f"is required with mode={parameters.mode}")
    start, end = dates(request, parameters)
    return Wanted(
        text=text,
        mode=parameters.mode,
        given={
            "project_id": parameters.project_id,
            "group": parameters.group,
            "repository": parameters.repository,
            "user": parameters.user,
            "session_id": parameters.session_id,
            "tool": parameters.tool_name,
            "role": parameters.role,
            "branch": parameters.branch,
            "machine": parameters.machine,
            "is_error": parameters.is_error,
            "is_starred": parameters.is_starred,
            "kind": parameters.kind,
            "start": start,
            "end": end,
        },
        tz=ranges.time_zone(parameters.tz or settings_of(request).timezone),
        is_case_sensitive=parameters.case,
        sort=parameters.sort,
        by_session=parameters.group_by == "session",
        with_context=parameters.context,
        with_content=parameters.include_content,
        corrects=parameters.correct,
        is_bound=is_bound(request),
    )

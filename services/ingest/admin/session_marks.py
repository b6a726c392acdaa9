"""A star, tags, a note and a title of one's own on a session, from request to answer.

Marks are of people: they are no events, count for nothing, and go to Postgres at once. Imports, undo and reparse leave them.
"""

from typing import Any, Final

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from msgspec import UNSET, Struct, UnsetType

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.decode import check_identifier, parse
from services.ingest.events.ignored_fields import unknown_fields
from services.ingest.events.json_body import read_text
from services.ingest.events.key_binding import binding_of, check_session
from services.ingest.events.redact_events import redact_body
from services.ingest.events.session_cache import unknown_session
from services.ingest.http import route_documents
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.http.responses import SessionMarks, Visibility
from services.ingest.postgres.admin import session_marks
from services.ingest.postgres.admin.session_marks import Marks
from shared.auth.scopes import INGEST, READ, requires
from shared.events.messages import Binding
from shared.events.session_marks import MAX_TAGS, Note, Tags, Title
from shared.http.errors import Forbidden, invalid
from shared.http.middleware import json_response
from shared.http.path_segments import named_in_one_segment
from shared.sessions.session_tags import distinct, tag_key

# The longest note, each character as an escape, and the rest.
_BODY: Final = AcceptedBody((b"application/json",), 1024**2)
MAX_SESSION_ID: Final = 200


class SessionMarksChange(Struct, kw_only=True):
    """A field that is left out stays as it is. null and "" clear.

    `tags` are all tags. `add_tags` and `remove_tags` change some, so that two people who tag at the same time do not undo each other.
    """

    is_starred: bool | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    add_tags: Tags = []
    remove_tags: Tags = []
    note: Note | UnsetType | None = UNSET
    title: Title | UnsetType | None = UNSET
    visibility: Visibility | UnsetType = UNSET


_DECODER: Final = msgspec.json.Decoder(SessionMarksChange)


router = APIRouter(tags=["sessions"])


# Both scopes: a key of hooks must not write notes, nor see them in the answer; a key of a dashboard must not change anything.
@router.patch(
    "/api/sessions/{session_id:path}",
    summary="Mark a session",
    dependencies=[Depends(named_in_one_segment)],
    **route_documents.action(SessionMarks, SessionMarksChange, 404, of="session_id"),
)
@requires(INGEST, also=READ)
async def mark_session(request: Request) -> Response:
    """A star, tags, a note, a title of your own. Fields that are left out stay as they are; null and `""` clear.

    The answer has the marks as they are now. They stay when the session is imported again, undone or parsed anew.
    """
    ingest = ingest_of(request)
    session_id = _session_id(request)
    body = await read_text(request, _BODY)
    wanted = parse(body, _DECODER)
    _check(wanted)
    if ingest.settings.redact:
        await redact_body(wanted, msgspec.json.encode(wanted))
    await _check_session(ingest, binding_of(request), session_id)
    marks, visibility = await session_marks.change(ingest.database, session_id, lambda before: _changed(before, wanted))
    ignored = unknown_fields(body, SessionMarksChange) or UNSET
    answered = msgspec.structs.asdict(marks) | {"visibility": visibility}
    return json_response(SessionMarks(session_id=session_id, **answered, ignored_fields=ignored))


def _session_id(request: Request) -> str:
    session_id: str = request.path_params["session_id"]
    if len(session_id) > MAX_SESSION_ID:
        raise invalid("session_id", f"must have at most {MAX_SESSION_ID} characters")
    check_identifier(session_id, "session_id")
    return session_id.replace("\0", "\ufffd")


def _check(wanted: SessionMarksChange) -> None:
    """Trims tags and the title. BadRequest for tags that are blank, and for control characters."""
    for field in ("tags", "add_tags", "remove_tags"):
        if tags := getattr(wanted, field):
            setattr(wanted, field, [_checked(tag, f"{field}[{number}]") for number, tag in enumerate(tags)])
    if wanted.title:
        check_identifier(wanted.title, "title")
        wanted.title = wanted.title.strip()


def _checked(tag: str, field: str) -> str:
    check_identifier(tag, field)
    if not (trimmed := tag.strip()):
        raise invalid(field, "must not be blank")
    return trimmed


async def _check_session(ingest: Ingest, binding: Binding, session_id: str) -> None:
    """Asks Postgres, not the cache: a session whose import was undone may be in the cache for a day."""
    session = (await ingest.session_cache.find_in_postgres([session_id])).get(session_id)
    if session is None:
        raise unknown_session(session_id)
    try:
        await check_session(ingest.session_cache, binding, session_id, session)
    except Forbidden:
        # As the query service answers: the key is not to learn that there is such a session.
        raise unknown_session(session_id) from None


def _changed(before: Marks, wanted: SessionMarksChange) -> Marks:
    """BadRequest if there would be too many tags."""
    changes: dict[str, Any] = {}
    if wanted.is_starred is not UNSET:
        changes["is_starred"] = bool(wanted.is_starred)
    if wanted.note is not UNSET:
        changes["note"] = wanted.note if wanted.note and not wanted.note.isspace() else None
    if wanted.title is not UNSET:
        changes["title"] = wanted.title or None
    if wanted.visibility is not UNSET:
        changes["visibility"] = wanted.visibility
    kept = before.tags if wanted.tags is UNSET else wanted.tags or ()
    removed = set(map(tag_key, wanted.remove_tags))
    changes["tags"] = tuple(tag for tag in distinct([*kept, *wanted.add_tags]) if tag_key(tag) not in removed)
    if len(changes["tags"]) > MAX_TAGS:
        raise invalid("add_tags", f"makes {len(changes['tags'])} tags of the session; it can have {MAX_TAGS}")
    return msgspec.structs.replace(before, **changes)

"""The route that marks a session. The query service's sessions show the marks."""

from fastapi import APIRouter, Depends, Request, Response

from services.ingest.admin.session_marks import SessionMarksChange, mark
from services.ingest.http.responses import SessionMarks
from services.ingest.routes import route_documents
from shared.auth.scopes import INGEST, READ, requires
from shared.http.path_segments import named_in_one_segment

marks = APIRouter(tags=["sessions"])


# Both scopes: a key of hooks must not write notes, nor see them in the answer; a key of a dashboard must not change anything.
@marks.patch(
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
    return await mark(request)

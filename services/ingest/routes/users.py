"""The route that renames and merges users. The query service has the one that lists them."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin.users import UserChange, rename
from services.ingest.http.responses import UserRenamed
from services.ingest.routes import route_documents
from shared.auth.scopes import ADMIN, requires

users = APIRouter(tags=["users"])


@users.patch(
    "/api/users/{name:path}",
    summary="Rename or merge a user",
    **route_documents.action(UserRenamed, UserChange, 404, 409, of="name", or_else={202: "Rows are being moved."}),
)
@requires(ADMIN)
async def rename_user(request: Request) -> Response:
    """Renames a user. If another user has the new name, all rows of the first become that user's, in the background. Later events of the old name too."""
    return await rename(request)

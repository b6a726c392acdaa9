"""The route that renames and merges users. The query service has the one that lists them."""

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from services.ingest.admin.users import UserChange, rename
from services.ingest.http.responses import UserRenamed
from services.ingest.routes import openapi_schemas
from shared.auth.scopes import ADMIN, requires


class UserRoute(APIRoute):
    """A user's name may have slashes, so it is a `path`. Starlette's may be empty; a path without a name is unknown."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        return (match, child_scope) if match is Match.NONE or child_scope["path_params"]["name"] else (Match.NONE, {})


users = APIRouter(tags=["users"], route_class=UserRoute)


@users.patch("/api/users/{name:path}", summary="Rename or merge a user", **openapi_schemas.user_action(UserChange, UserRenamed))
@requires(ADMIN)
async def rename_user(request: Request) -> Response:
    """Renames a user. If another user has the new name, all rows of the first become that user's, in the background. Later events of the old name too."""
    return await rename(request)

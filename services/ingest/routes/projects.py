"""The route that shares the sessions of a project. The query service has those that list projects."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin.project_visibility import VisibilityChange, set_visibility
from services.ingest.http.responses import ProjectVisibility
from services.ingest.routes import openapi_schemas
from shared.auth.scopes import ADMIN, requires

projects = APIRouter(tags=["projects"])


@projects.put(
    "/api/projects/{project_id}/visibility",
    summary="Share a project's sessions, or not",
    **openapi_schemas.project_action(VisibilityChange, ProjectVisibility),
)
@requires(ADMIN)
async def set_project_visibility(request: Request) -> Response:
    """Whether keys that are bound to other users read them too. A session that was made private or shared itself stays so."""
    return await set_visibility(request)

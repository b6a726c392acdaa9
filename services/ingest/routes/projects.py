"""The routes that name, group, archive, merge and share projects. The query service has those that list them."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import projects as changes
from services.ingest.admin.projects import PathRule, ProjectChange, ProjectUndo
from services.ingest.http.responses import PathRuleAdded, PathRuleDeleted, ProjectChanged
from services.ingest.routes import route_documents
from shared.auth.scopes import ADMIN, requires

projects = APIRouter(tags=["projects"])


@projects.patch(
    "/api/projects/{project_id}",
    summary="Change a project",
    **route_documents.action(ProjectChanged, ProjectChange, 404, 409, of="project_id", or_else={202: "Sessions are being moved."}),
)
@requires(ADMIN)
async def change_project(request: Request) -> Response:
    """A name, a group, the archive, who reads it, and the project that it is part of: its sessions, and later ones of its path, then count there.

    Each change can be undone. Sessions keep the path that they named. One that was made private or shared itself stays so.
    """
    return await changes.change(request)


@projects.post(
    "/api/projects/{project_id}/undo",
    summary="Undo a project's newest change",
    **route_documents.action(ProjectChanged, ProjectUndo, 404, 409, of="project_id", or_else={202: "Sessions are being moved."}),
)
@requires(ADMIN)
async def undo_project_change(request: Request) -> Response:
    """Takes back a name, a group, an archive, a visibility or a merge. What a rule merged is kept apart from then on: no rule merges it again."""
    return await changes.undo(request)


@projects.post(
    "/api/project-rules",
    status_code=201,
    summary="Merge projects by path",
    **route_documents.action(PathRuleAdded, PathRule, 404, 409, status=201, or_else={200: "There is such a rule already."}),
)
@requires(ADMIN)
async def add_path_rule(request: Request) -> Response:
    """Projects whose path a pattern names are part of a project, those of today and later ones. What a person or git decides is stronger."""
    return await changes.add_rule(request)


@projects.delete(
    "/api/project-rules/{rule_id}",
    summary="Delete a rule about paths",
    **route_documents.action(PathRuleDeleted, None, 404, of="path_rule_id"),
)
@requires(ADMIN)
async def delete_path_rule(request: Request) -> Response:
    """The projects that it had merged are taken out again."""
    return await changes.delete_rule(request)

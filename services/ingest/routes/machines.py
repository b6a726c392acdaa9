"""The routes by which shippers report, and an admin forgets a machine. The query service has the one that lists them."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import machines as changes
from services.ingest.admin.machines import MachineRepositories
from services.ingest.http.responses import MachineForgotten, MachineReported, RepositoriesReported
from services.ingest.routes import route_documents
from shared.auth.scopes import ADMIN, INGEST, requires
from shared.events.machine_reports import MachineReport

machines = APIRouter(tags=["machines"])


@machines.put(
    "/api/machines/{machine_id}", summary="Report a machine", **route_documents.action(MachineReported, MachineReport, of="machine_id")
)
@requires(INGEST)
async def report_machine(request: Request) -> Response:
    """What a shipper says of itself: versions, what is not sent yet, and transcripts that Claude Code will delete soon."""
    return await changes.report(request)


@machines.put(
    "/api/machines/{machine_id}/repositories",
    summary="Report folders and their repositories",
    **route_documents.action(RepositoriesReported, MachineRepositories, of="machine_id"),
)
@requires(INGEST)
async def report_repositories(request: Request) -> Response:
    """Which folders are worktrees of one git folder, or clones of one remote: those become one project. Credentials in a remote are not kept."""
    return await changes.report_repositories(request)


@machines.delete(
    "/api/machines/{machine_id}", summary="Forget a machine", **route_documents.action(MachineForgotten, None, 404, of="machine_id")
)
@requires(ADMIN)
async def forget_machine(request: Request) -> Response:
    """For a machine that is gone. Its sessions and transcripts stay."""
    return await changes.forget(request)

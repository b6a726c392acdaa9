"""The routes by which shippers report, and an admin forgets a machine. The query service has the one that lists them."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import machines as changes
from services.ingest.admin.machines import MachineReport
from services.ingest.http.responses import MachineForgotten, MachineReported
from services.ingest.routes import openapi_schemas
from shared.auth.scopes import ADMIN, INGEST, requires

machines = APIRouter(tags=["machines"])


@machines.put("/api/machines/{machine_id}", summary="Report a machine", **openapi_schemas.machine_action(MachineReported, MachineReport))
@requires(INGEST)
async def report_machine(request: Request) -> Response:
    """What a shipper says of itself: versions, what is not sent yet, and transcripts that Claude Code will delete soon."""
    return await changes.report(request)


@machines.delete("/api/machines/{machine_id}", summary="Forget a machine", **openapi_schemas.machine_action(MachineForgotten))
@requires(ADMIN)
async def forget_machine(request: Request) -> Response:
    """For a machine that is gone. Its sessions and transcripts stay."""
    return await changes.forget(request)

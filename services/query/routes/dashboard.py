"""The dashboard: one page, whose scripts read the public API."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from services.query.http import dashboard_files
from shared.auth.scopes import PUBLIC, requires
from shared.dashboard_addresses import VIEWS
from shared.http.errors import NotFound

router = APIRouter(tags=["service"])
HTML: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}


@router.get("/", response_class=HTMLResponse, responses=HTML, summary="The dashboard")
@requires(PUBLIC)
async def show_dashboard() -> Response:
    """The page for people. It holds no data: its scripts ask the API, with the rights of the viewer."""
    return FileResponse(dashboard_files.PAGE, media_type="text/html", headers=dashboard_files.PAGE_HEADERS)


async def _show_view() -> Response:
    """A view of the dashboard by its address."""
    return await show_dashboard()


for _view in VIEWS:
    router.add_api_route(f"/{_view}", requires(PUBLIC)(_show_view), methods=["GET"], include_in_schema=False)
    router.add_api_route(f"/{_view}/{{rest:path}}", requires(PUBLIC)(_show_view), methods=["GET"], include_in_schema=False)


@router.get("/assets/{name}", include_in_schema=False)
@requires(PUBLIC)
async def show_asset(name: str, request: Request) -> Response:
    """A script, style or picture of the page. Its name has a hash of its content."""
    path = dashboard_files.asset(name)
    if path is None:
        raise NotFound("The dashboard has no such file; load the page again, it may be of an older version.")
    media_type = dashboard_files.MEDIA_TYPES[Path(name).suffix]
    if path.suffix != ".gz":
        return FileResponse(path, media_type=media_type, headers=dashboard_files.ASSET_HEADERS)
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return Response(dashboard_files.unpacked(path), media_type=media_type, headers=dashboard_files.ASSET_HEADERS)
    return FileResponse(path, media_type=media_type, headers={**dashboard_files.ASSET_HEADERS, "Content-Encoding": "gzip"})

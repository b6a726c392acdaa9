"""Ids in a path that may have slashes, such as session ids: a slash of an id is written %2F."""

from fastapi import HTTPException, Request


async def named_in_one_segment(request: Request) -> None:
    """404 if the id has an unescaped slash: that slash belongs to another path. Where that path takes other methods, the answer is 405."""
    path: bytes = request.scope["raw_path"].partition(b"?")[0]
    template: str = request.scope["route"].path
    if path.endswith(b"/") or path.count(b"/") != template.count("/"):
        raise HTTPException(404)

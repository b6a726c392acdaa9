"""The committed API document, shared/openapi.json: the methods of each path of either service."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from shared.http.errors import ApiError, MethodNotAllowed, NotFound

DOCUMENT = Path(__file__).parents[1] / "openapi.json"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@cache
def methods_by_path() -> Callable[[str], list[str]]:
    """A function from a request's path to its methods in the whole API; an empty list if there is no such path.

    A service knows only its own routes, and would answer 404 to the other service's paths.
    """
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    paths = [(_pattern(path), _methods(operations)) for path, operations in document["paths"].items()]

    def methods_of(path: str) -> list[str]:
        return next((methods for pattern, methods in paths if pattern.fullmatch(path)), [])

    return methods_of


def no_such_operation(method: str, path: str) -> ApiError:
    """Why there is no answer to this: no such path, or in the whole API another method, which `Allow` names."""
    methods, shown = methods_by_path()(path), path[:200]
    if not methods:
        return NotFound(f"There is nothing at {shown}; see /docs for what there is.")
    error = MethodNotAllowed(f"{shown} does not take {method}; see /docs for what it takes.")
    error.headers["Allow"] = ", ".join(methods)
    return error


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(re.escape(part) for part in re.split(r"\{[^}]+\}", template)))


def _methods(operations: dict[str, object]) -> list[str]:
    named = {method.upper() for method in operations}
    # HEAD works on every path with GET.
    return [method for method in _METHODS if method in named or (method == "HEAD" and "GET" in named)]

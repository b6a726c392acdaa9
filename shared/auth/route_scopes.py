"""Which scope a path needs, as its route states it (scopes.py). A start with a route that states none fails."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from starlette.routing import BaseRoute, Route

from shared.auth.scopes import STATED, Required

_PARAMETER: Final = re.compile(r"\{[^}:]+(:[^}]+)?\}")


class NoScopeStated(Exception):
    """A route is declared without `@requires`."""


def required_by(route: BaseRoute) -> Required:
    """The route's stated scopes. NoScopeStated if it states nothing."""
    found = getattr(route.endpoint, STATED, None) if isinstance(route, Route) else None
    if not isinstance(found, Required):
        raise NoScopeStated(f"{route} states no scope; put @requires(…) under its route decorator (shared/auth/scopes.py).")
    return found


RequiredByPath = Callable[[str, str], Required | None]


def required_by_path(routes: Iterable[BaseRoute]) -> RequiredByPath:
    """A function from method and path to what a request needs; None if no route takes it."""
    exact: dict[tuple[str, str], Required] = {}
    patterns: list[tuple[str, re.Pattern[str], Required]] = []
    for route in routes:
        required = required_by(route)
        assert isinstance(route, Route)
        for method in route.methods or ():
            if "{" in route.path:
                patterns.append((method, _pattern(route.path), required))
            else:
                exact[method, route.path] = required

    def find(method: str, path: str) -> Required | None:
        method = "GET" if method == "HEAD" else method
        found = exact.get((method, path))
        if found is not None:
            return found
        return next((required for named, pattern, required in patterns if named == method and pattern.fullmatch(path)), None)

    return find


def _pattern(template: str) -> re.Pattern[str]:
    """A parameter is one segment; one with a convertor, as `{session_id:path}`, may hold slashes and line ends."""
    pattern, end = "", 0
    for parameter in _PARAMETER.finditer(template):
        pattern += re.escape(template[end : parameter.start()]) + (".+" if parameter[1] else "[^/]+")
        end = parameter.end()
    return re.compile(pattern + re.escape(template[end:]), re.DOTALL)

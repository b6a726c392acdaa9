"""Which scope a request needs. Each route states it where it is declared, with `@requires`; a start with a route that states none fails.

ingest   sends events and files, and sees the jobs of its own imports
read     reads everything, texts and paths too
numbers  reads counts, times, and names of projects, machines and people; no text, title, path or branch
metrics  reads counts and times; as `numbers`, and no name of a project
admin    has every scope; makes and revokes keys, undoes imports, sees and replays dead letters
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from msgspec import Struct
from starlette.routing import BaseRoute, Route

from shared.auth.keys import Scope

Scopes = frozenset[Scope]

# Needs no key: pages and documents that are the same for all, and health checks by load balancers, which have no key.
PUBLIC: Final[Scopes] = frozenset()
INGEST: Final[Scopes] = frozenset({"ingest"})
READ: Final[Scopes] = frozenset({"read"})
# An answer that says nothing without the names of projects or people.
NUMBERS: Final[Scopes] = frozenset({"read", "numbers"})
METRICS: Final[Scopes] = frozenset({"read", "numbers", "metrics"})
# A key without `read` sees only the jobs that it started (Grant.sees_only_own_jobs).
OWN_IMPORTS: Final[Scopes] = frozenset({"read", "ingest"})
ADMIN: Final[Scopes] = frozenset({"admin"})

_ATTRIBUTE: Final = "required_access"
_PARAMETER: Final = re.compile(r"\{[^}:]+(:[^}]+)?\}")

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Required(Struct, frozen=True):
    """A route's requirement: one of the scopes, one of `also` too, and with `all_projects` a key that is not bound.

    `or_one_user`: or one that is bound to one user alone.
    """

    scopes: Scopes
    all_projects: bool = False
    also: Scopes = PUBLIC
    or_one_user: bool = False


class NoScopeStated(Exception):
    """A route is declared without `@requires`."""


def requires(
    scopes: Scopes, *, all_projects: bool = False, also: Scopes = PUBLIC, or_one_user: bool = False
) -> Callable[[Endpoint], Endpoint]:
    """Decorator of an endpoint: a key with any of the scopes may call it. `all_projects` refuses keys that are bound to projects or users.

    `also`: the key needs one of these besides. `or_one_user`: a key that is bound to one user alone is not refused; the route gives it what is
    that user's.
    """

    def state(endpoint: Endpoint) -> Endpoint:
        endpoint.__dict__[_ATTRIBUTE] = Required(scopes, all_projects, also, or_one_user)
        return endpoint

    return state


def required_by(route: BaseRoute) -> Required:
    """The route's stated scopes. NoScopeStated if it states nothing."""
    found = getattr(route.endpoint, _ATTRIBUTE, None) if isinstance(route, Route) else None
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

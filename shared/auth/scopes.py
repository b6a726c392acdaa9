"""Which scope a request needs. Each route states it where it is declared, with `@requires`.

ingest   sends events and files, and sees the jobs of its own imports
read     reads everything, texts and paths too
numbers  reads counts, times, and names of projects, machines and people; no text, title, path or branch
metrics  reads counts and times; as `numbers`, and no name of a project
admin    has every scope; makes and revokes keys, undoes imports, sees and replays dead letters
"""

from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

from msgspec import Struct

from shared.auth.keys import Grant, Scope

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

# The attribute of an endpoint with what it requires.
STATED: Final = "required_access"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class Required(Struct, frozen=True):
    """A route's requirement: one of the scopes, one of `also` too, and with `all_projects` a key that is not bound.

    `or_one_user`: or one that is bound to one user alone.
    """

    scopes: Scopes
    all_projects: bool = False
    also: Scopes = PUBLIC
    or_one_user: bool = False

    @property
    def names(self) -> str:
        """Its scopes in words, as in "ingest and read"."""
        return " and ".join(" or ".join(sorted(scopes)) for scopes in (self.scopes, self.also) if scopes)

    def lacked_by(self, grant: Grant) -> Literal["scope", "binding"] | None:
        """Why a key may not do it; None if it may. Each request is decided here, and what a key brings by an import."""
        if not all(grant.allows(scopes) for scopes in (self.scopes, self.also) if scopes):
            return "scope"
        answering = grant.answering(self.scopes)
        is_of_one_user = answering.user is not None and answering.project_ids is None
        if answering.is_bound and self.all_projects and not (self.or_one_user and is_of_one_user):
            return "binding"
        return None


def requires(
    scopes: Scopes, *, all_projects: bool = False, also: Scopes = PUBLIC, or_one_user: bool = False
) -> Callable[[Endpoint], Endpoint]:
    """Decorator of an endpoint: a key with any of the scopes may call it. `all_projects` refuses keys that are bound to projects or users.

    `also`: the key needs one of these besides. `or_one_user`: a key that is bound to one user alone is not refused; the route gives it what is
    that user's.
    """

    def state(endpoint: Endpoint) -> Endpoint:
        endpoint.__dict__[STATED] = Required(scopes, all_projects, also, or_one_user)
        return endpoint

    return state

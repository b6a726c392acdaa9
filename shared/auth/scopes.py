"""Which scope a request needs: one table for the whole API. What is not in it needs `admin`; who has `admin` has every scope.

ingest   sends events and files, and sees what became of its imports
read     reads everything, texts and paths too
metrics  reads counts and times; no text, no path, no name of a project
admin    makes and revokes keys, takes imports back, sees and replays dead letters
"""

import re
from collections.abc import Callable
from typing import Final

from shared.auth.keys import Scope
from shared.journal import canary

Scopes = frozenset[Scope]

# A page or a document that is the same for everybody, and a question that nobody's data answers: asked without a key.
PUBLIC: Final[Scopes] = frozenset()
_INGEST: Final[Scopes] = frozenset({"ingest"})
_READ: Final[Scopes] = frozenset({"read"})
_NUMBERS: Final[Scopes] = frozenset({"read", "metrics"})
# Of a key that may not read, the jobs are those that it has sent (Grant.sees_only_own_jobs).
_OWN_IMPORT: Final[Scopes] = frozenset({"read", "ingest"})
ADMIN: Final[Scopes] = frozenset({"admin"})

# Paths as in shared/openapi.json; the first that fits counts. Any of the scopes is enough.
SCOPES: Final[tuple[tuple[str, str, Scopes], ...]] = (
    ("GET", "/healthz", PUBLIC),
    # Asked by load balancers and orchestrators, which have no key; it says what is away, and nothing of anybody.
    ("GET", "/readyz", PUBLIC),
    ("GET", "/", PUBLIC),
    ("GET", "/docs", PUBLIC),
    ("GET", "/openapi.json", PUBLIC),
    ("GET", canary.PATH, PUBLIC),
    ("POST", "/api/conversations", _INGEST),
    ("POST", "/api/activities", _INGEST),
    ("POST", "/api/tool-calls", _INGEST),
    ("POST", "/api/sessions/start", _INGEST),
    ("POST", "/api/sessions/end", _INGEST),
    ("POST", "/api/events", _INGEST),
    ("POST", "/api/import/manifest", _INGEST),
    ("POST", "/api/import/claude-data", _INGEST),
    ("GET", "/api/import/jobs/{job_id}", _OWN_IMPORT),
    ("GET", "/api/import/jobs/{job_id}/events", _OWN_IMPORT),
    ("GET", "/api/import/jobs", _OWN_IMPORT),
    ("POST", "/api/import/jobs/{job_id}/cancel", ADMIN),
    ("POST", "/api/import/jobs/{job_id}/retry", ADMIN),
    ("DELETE", "/api/import/jobs/{job_id}", ADMIN),
    ("GET", "/api/projects", _READ),
    ("GET", "/api/projects/{project_id}", _READ),
    ("GET", "/api/projects/{project_id}/stats", _NUMBERS),
    ("GET", "/api/stats", _NUMBERS),
    ("GET", "/api/usage", _NUMBERS),
    ("GET", "/api/tool-calls/stats", _NUMBERS),
    ("GET", "/api/tool-calls/session/{session_id}", _READ),
    ("GET", "/api/sessions", _READ),
    ("GET", "/api/sessions/{session_id}", _READ),
    ("GET", "/api/conversations", _READ),
    ("GET", "/api/conversations/search", _READ),
    ("GET", "/api/activities", _READ),
    ("GET", "/metrics", _NUMBERS),
    ("GET", "/api/accounting", _NUMBERS),
    # Of all projects, with what was said in them.
    ("GET", "/api/dead-letters", ADMIN),
    ("GET", "/api/dead-letters/{letter_id}", ADMIN),
    ("POST", "/api/dead-letter-groups/replay", ADMIN),
    ("POST", "/api/dead-letter-groups/delete", ADMIN),
    ("POST", "/api/dead-letters/{letter_id}/replay", ADMIN),
    ("DELETE", "/api/dead-letters/{letter_id}", ADMIN),
    ("POST", "/api/keys", ADMIN),
    ("DELETE", "/api/keys/{key_id}", ADMIN),
    ("GET", "/api/keys", ADMIN),
    ("GET", "/api/audit", ADMIN),
    ("POST", "/api/scrubs", ADMIN),
    ("GET", "/api/scrubs/{scrub_id}", ADMIN),
)
# They count what happens in all projects; not for a key that is bound to some.
OF_ALL_PROJECTS: Final = frozenset((method, path) for method in ("GET", "HEAD") for path in ("/metrics", "/api/accounting"))
# An id of a session may hold a slash.
_PARAMETERS: Final = {"session_id": ".+"}


def scopes_by_path() -> Callable[[str, str], Scopes]:
    """A function from method and path to the scopes of which one is needed; PUBLIC needs no key.

    The canary's way in is not in the table: it takes no key, but a token of its own.
    """
    exact = {("POST", canary.PATH): PUBLIC} | {(method, path): scopes for method, path, scopes in SCOPES if "{" not in path}
    patterns = [(method, _pattern(path), scopes) for method, path, scopes in SCOPES if "{" in path]

    def scopes_of(method: str, path: str) -> Scopes:
        method = "GET" if method == "HEAD" else method
        found = exact.get((method, path))
        if found is not None:
            return found
        return next((scopes for named, pattern, scopes in patterns if named == method and pattern.fullmatch(path)), ADMIN)

    return scopes_of


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{([^}]+)\}", template)
    return re.compile(
        "".join(_PARAMETERS.get(part, "[^/]+") if number % 2 else re.escape(part) for number, part in enumerate(parts)), re.DOTALL
    )

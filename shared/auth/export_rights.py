"""The rights to export, and whose exports a key sees. Must be the same for ingest, which starts them, and query, which gives them out.

An export holds every text, so a key that is bound to projects or to several users gets none. Routes state that with
`@requires(READ, all_projects=True, or_one_user=True)`.
"""

from shared.auth.keys import Grant


def may_export(grant: Grant | None, user: str | None, project_id: int | None) -> bool:
    """Anything without keys or with the scope admin; a key that is bound to a user, that user."""
    if grant is None or _is_admins(grant):
        return True
    return grant.user is not None and user == grant.user and project_id is None


def sees_exports_of(grant: Grant | None) -> str | None:
    """The user whose exports alone a key sees; None: all of them. A key that may export nothing gets "", which no export has."""
    return None if grant is None or _is_admins(grant) else (grant.user or "")


def _is_admins(grant: Grant) -> bool:
    return "admin" in grant.scopes and grant.user is None

"""The session that an export begins with."""

from services.query.answers.lists import Session


class ExportedSession(Session, kw_only=True):
    """A session as in /api/sessions/{id}, with what only exports say of it. `models`: the most used first, at most 10."""

    models: list[str]
    project_path: str | None

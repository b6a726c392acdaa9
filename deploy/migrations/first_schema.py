"""Where upgrades begin: the schema of the first release. Data made before it is refused, with the way that it can take."""

from typing import Final

# Numbers below it are of commits from before the first release; none of their 57 migrations is left.
FIRST_SCHEMA: Final = "0100"


class RefusedSchemaError(Exception):
    """A database is from before the first release; the text is a sentence for a person."""


def refusal(schema: str | None, name: str) -> str | None:
    """A sentence for a person if `schema`, the newest migration of what `name` says, is from before the first release; else None."""
    if schema is None or schema >= FIRST_SCHEMA:
        return None
    return (
        f"{name} is from before release 0.1.0 (schema {schema}), which upgrades begin with: start it with the commit that made it, "
        "run `./tracker export --everything -o tracker.zip` there, then `./tracker import tracker.zip` with this one on an empty database."
    )

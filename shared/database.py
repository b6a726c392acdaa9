"""Connections to Postgres: how each service opens them, with which time-outs, and which of them cannot write."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

# Unknown and all, in the keys of rows and aggregates (deploy/migrations/schema/01_functions.sql).
UNKNOWN = 0
ALL = -1


def connect_options(*, statement_timeout_ms: int, lock_timeout_ms: int, read_only: bool) -> dict[str, Any]:
    """libpq parameters of a connection that notices a dead server and never waits for ever."""
    server_settings = {
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": lock_timeout_ms,
        "idle_in_transaction_session_timeout": 30_000,
        "timezone": "UTC",
        "default_transaction_read_only": "on" if read_only else "off",
        # The statements here are short; compiling them costs more than it saves.
        "jit": "off",
    }
    return {
        "connect_timeout": 2,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "options": " ".join(f"-c {name}={value}" for name, value in server_settings.items()),
    }


def sqlalchemy_url(database_url: str) -> str:
    """The URL with SQLAlchemy's name of the driver. `postgresql://…` → `postgresql+psycopg://…`."""
    return database_url.replace("postgresql://", "postgresql+psycopg://", 1)


def make_engine(
    database_url: str,
    *,
    pool_size: int,
    statement_timeout_ms: int,
    lock_timeout_ms: int = 5_000,
    read_only: bool = False,
    application_name: str,
) -> "Engine":
    """An engine. Made in an app factory or at a worker's start, never at import."""
    # Beat needs the options above, and not the 10 MB of this.
    from sqlalchemy import create_engine  # noqa: PLC0415

    options = connect_options(statement_timeout_ms=statement_timeout_ms, lock_timeout_ms=lock_timeout_ms, read_only=read_only)
    return create_engine(
        sqlalchemy_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        pool_pre_ping=True,
        connect_args=options | {"application_name": application_name},
    )

"""Tool results, from 0022_tool_results.sql."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"

# The timeline goes over a whole session, so its indexes have all that it reads besides texts. Each takes the place of `…_by_session`.
_IN_ORDER = {
    "messages_of_session": "messages (session_id, occurred_at DESC, id DESC) INCLUDE (agent_id, role, model)",
    "tool_calls_of_session": "tool_calls (session_id, occurred_at, id) INCLUDE (agent_id, started_agent)",
    "activities_of_session": "activities (session_id, occurred_at DESC, id DESC) INCLUDE (agent_id, tool_call_id)",
    "api_calls_of_session": "api_calls (session_id, occurred_at, id) INCLUDE (agent_id, cost_nano_usd, input_tokens, output_tokens, "
    "cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens)",
}

# What an interrupted try has left is of no use.
_INDEX = (
    "SET statement_timeout = '1h'",
    "DROP INDEX CONCURRENTLY IF EXISTS activities_by_call",
    "CREATE INDEX CONCURRENTLY activities_by_call ON activities (tool_call_id) WHERE tool_call_id IS NOT NULL",
)


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0022_tool_results.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
    with op.get_context().autocommit_block():
        for statement in _INDEX:
            op.execute(statement)
        for name, columns in _IN_ORDER.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name.replace('_of_', '_by_')}")


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")

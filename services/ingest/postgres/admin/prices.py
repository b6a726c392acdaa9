"""The SQL of prices of one's own. Answers within a second or raises Unavailable DATABASE_UNAVAILABLE."""

from typing import Final
from uuid import UUID

from services.ingest.postgres.audit import AuditRecord, change_audited, run_audited
from services.ingest.postgres.database import Database
from shared.prices import OwnPrice, own_version
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "prices.sql")

# In the order of OwnPrice.usd.
_COLUMNS: Final = ("input_usd", "output_usd", "cache_write_5m_usd", "cache_write_1h_usd", "cache_read_usd", "web_search_usd")


async def set_price(database: Database, price: OwnPrice, key_id: str | None, record: AuditRecord) -> UUID:
    """Its id. One for the same models, tier, day and size of input is replaced."""
    key = {"model": price.model, "tier": price.tier, "valid_from": price.valid_from, "above_input_tokens": price.above_input_tokens}
    usd = dict(zip(_COLUMNS, price.usd, strict=True))
    row = await change_audited(database, _SQL.set_price, {**key, **usd, "version": own_version(price, "api"), "key_id": key_id}, record)
    price_id: UUID = row["id"]
    return price_id


async def unset_price(database: Database, price_id: UUID, record: AuditRecord) -> str | None:
    """The pattern that it was of; None if there is none of this id that the API has set."""
    row = await run_audited(database, _SQL.unset_price, {"id": price_id}, record)
    return None if row is None else str(row["model"])

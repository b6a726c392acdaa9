"""Prices of one's own as the table `prices` has them. Workers write it, too: their price list, and the file TRACKER_PRICES.

A process keeps the prices that it has read, with their version. Pricing compares that with the row `price_state`, and reads them again only if
it has changed. A batch does so in the statement that locks its sessions (persist_batch.py), so that it costs no query.
"""

from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import dict_row

from services.worker.persist.derived_values.price_file import read_file
from services.worker.persist.derived_values.pricing import OwnRates, Rates, listed_models, listed_rates, price_version, use
from shared.prices import OwnPrice, own_version
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "stored_prices.sql")

_OF_WORKERS: Final = "SELECT of_workers FROM price_state"

# Prices of a million tokens, and of a thousand web searches, in the order of pricing.Tokens.
_COLUMNS: Final = ("input_usd", "output_usd", "cache_write_5m_usd", "cache_write_1h_usd", "cache_read_usd", "web_search_usd")
_SIZES: Final = (*[Decimal(1_000_000)] * 5, Decimal(1_000))
# A price of the list is written for the day before its first other one.
_BEGINNING: Final = date(2000, 1, 1)

# The version of the prices that this process uses. Other databases have other versions; None: no own prices.
_version: UUID | None = None


def are_current(version: UUID | None) -> bool:
    """Whether this process uses the prices of this version."""
    return version == _version


def refresh(connection: Connection[Any]) -> None:
    """Uses the stored prices from now on, if they have changed."""
    found = connection.execute(_SQL.version).fetchone()
    version = None if found is None else found[0]
    if not are_current(version):
        read(connection, version)


def read(connection: Connection[Any], version: UUID | None) -> None:
    """Uses the stored prices from now on. They may be newer than `version`: then they are read once more."""
    global _version  # noqa: PLW0603 - with the prices in pricing.py
    with connection.cursor(row_factory=dict_row) as cursor:
        use([_own_rates(row) for row in cursor.execute(_SQL.own).fetchall()])
    _version = version


def publish(connection: Connection[Any], path: Path | None) -> None:
    """Writes this worker's price list and file into the table, unless it has them. InvalidPrices."""
    of_file = read_file(path)
    # Raised when the list is written in another way.
    of_workers = f"1 {price_version()} {sha256(msgspec.json.encode(of_file)).hexdigest()}"
    if connection.execute(_OF_WORKERS).fetchone() == (of_workers,):
        return
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_SQL.lock_state)
        cursor.execute(_SQL.delete_of_workers)
        cursor.executemany(_SQL.insert, [*_listed(), *(_of_file(price) for price in of_file)])
        cursor.execute(_SQL.note_workers, {"of_workers": of_workers})


def _listed() -> list[dict[str, Any]]:
    return [
        {
            "source": "list",
            "model": model,
            "tier": "standard",
            "valid_from": since,
            "above_input_tokens": rates.above,
            "version": rates.version,
        }
        | {name: price * size for name, price, size in zip(_COLUMNS, rates.per_unit, _SIZES, strict=True)}
        for model, since in listed_models()
        for rates in listed_rates(model, since or _BEGINNING)
    ]


def _of_file(price: OwnPrice) -> dict[str, Any]:
    key = {"model": price.model, "tier": price.tier, "valid_from": price.valid_from, "above_input_tokens": price.above_input_tokens}
    return {"source": "file", "version": own_version(price, "file"), **key, **dict(zip(_COLUMNS, price.usd, strict=True))}


def _own_rates(row: dict[str, Any]) -> OwnRates:
    per_unit = tuple(row[name] / size for name, size in zip(_COLUMNS, _SIZES, strict=True))
    return OwnRates(
        row["model"], row["tier"], row["valid_from"], row["is_of_file"], Rates(per_unit, row["above_input_tokens"], row["version"])
    )

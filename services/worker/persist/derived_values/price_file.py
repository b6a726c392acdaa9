"""The file TRACKER_PRICES: prices of one's own, which the workers read when they start."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from shared.prices import OwnPrice
from shared.schema_words import field_and_reason

_MAX_BYTES: Final = 1_000_000


class InvalidPrices(ValueError):
    """The file of prices cannot be used; the message says what is wrong, in one sentence."""


class PriceFile(Struct, forbid_unknown_fields=True):
    """In TOML each price is a `[[prices]]`, in JSON an object of the list `prices`."""

    prices: list[OwnPrice] = []


@cache
def read_file(path: Path | None) -> tuple[OwnPrice, ...]:
    """The prices of a file, TOML or JSON by its name; none without one. InvalidPrices."""
    if path is None:
        return ()
    try:
        content = path.read_bytes()
        if len(content) > _MAX_BYTES:
            raise InvalidPrices(f"TRACKER_PRICES: {path} has more than {_MAX_BYTES:,} bytes.")
        parsed = tomllib.loads(content.decode()) if path.suffix == ".toml" else msgspec.json.decode(content)
        prices = msgspec.convert(parsed, PriceFile).prices
    except OSError as error:
        raise InvalidPrices(f"TRACKER_PRICES: {path} cannot be read: {error.strerror}.") from error
    except msgspec.ValidationError as error:
        field, reason = field_and_reason(str(error))
        raise InvalidPrices(f"TRACKER_PRICES: {path} has no valid prices: {field or 'the file'} {reason}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise InvalidPrices(f"TRACKER_PRICES: {path} has no valid prices: {error}.") from error
    keys = [(price.model, price.tier, price.valid_from, price.above_input_tokens) for price in prices]
    if twice := next((key[0] for key in keys if keys.count(key) > 1), None):
        raise InvalidPrices(f"TRACKER_PRICES: {path} has two prices for {twice} of the same tier, day and size of input.")
    return tuple(prices)

"""The cost of tokens, by the price list inside the genai-prices package. Its version is stored with every price."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from math import inf

from genai_prices import Usage, calc_price
from genai_prices.types import ModelPrice, TieredPrices

PROVIDER = "anthropic"
NANO_PER_USD = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one API call. `input` was neither written to the cache nor read from it."""

    input: int = 0
    output: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_read: int = 0
    web_searches: int = 0

    @property
    def all_input(self) -> int:
        """The tokens that the model read, cached or not."""
        return self.input + self.cache_write_5m + self.cache_write_1h + self.cache_read

    def columns(self) -> tuple[int, ...]:
        """In the order of the columns of api_calls."""
        return self.input, self.output, self.cache_write_5m, self.cache_write_1h, self.cache_read, self.web_searches


@dataclass(frozen=True, slots=True)
class Price:
    """`nano_usd` is None if the price of the model is unknown."""

    nano_usd: int | None
    version: str | None


UNKNOWN = Price(None, None)


def price_of(model: str | None, at: datetime, tokens: Tokens, *, is_fast: bool = False) -> Price:
    """The price of an API call on its day. The list does not have the prices of fast mode."""
    if model is None or is_fast:
        return UNKNOWN
    listed = _listed(model, at.date().isoformat())
    if listed is None:
        return UNKNOWN
    if tokens.all_input > listed.flat_up_to:
        usd = listed.price.calc_price(_usage(tokens))["total_price"]
    else:
        usd = sum((count * unit for count, unit in zip(tokens.columns(), listed.per_unit, strict=True) if count), Decimal(0))
    return Price(round(usd * NANO_PER_USD), price_version())


def price_version() -> str:
    """The version of the price list, for new rows."""
    return f"genai-prices {_package_version()}"


@lru_cache(maxsize=1)
def _package_version() -> str:
    return version("genai-prices")


@dataclass(frozen=True, slots=True)
class _Listed:
    price: ModelPrice
    # In the order of Tokens. Valid for calls of up to `flat_up_to` input tokens; larger ones may have prices by tier.
    per_unit: tuple[Decimal, ...]
    flat_up_to: float


@lru_cache(maxsize=4096)
def _listed(model: str, day: str) -> _Listed | None:
    """The prices of a model on a day. Cached, since the library takes 80 µs for each call."""
    at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    try:
        price = calc_price(Usage(input_tokens=1), model_ref=model, provider_id=PROVIDER, genai_request_timestamp=at).model_price
    except LookupError:
        return None
    tiers = [tier.start for tiered in vars(price).values() if isinstance(tiered, TieredPrices) for tier in tiered.tiers]
    ones = [Tokens(**{name: 1}) for name in Tokens.__slots__]
    return _Listed(price, tuple(price.calc_price(_usage(one))["total_price"] for one in ones), min(tiers, default=inf))


def _usage(tokens: Tokens) -> Usage:
    return Usage(
        input_tokens=tokens.all_input,
        output_tokens=tokens.output,
        cache_write_tokens=tokens.cache_write_5m + tokens.cache_write_1h,
        cache_write_1h_tokens=tokens.cache_write_1h,
        cache_read_tokens=tokens.cache_read,
        web_searches=tokens.web_searches,
    )

"""What tokens cost, by the price list inside the genai-prices package: its version is kept with every price."""

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
    """Of one API call. `input` is what was neither written to nor read from the cache."""

    input: int = 0
    output: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_read: int = 0
    web_searches: int = 0

    @property
    def input_in_all(self) -> int:
        """What the model read, from the cache or not."""
        return self.input + self.cache_write_5m + self.cache_write_1h + self.cache_read

    def columns(self) -> tuple[int, ...]:
        """In the order of api_calls' columns."""
        return self.input, self.output, self.cache_write_5m, self.cache_write_1h, self.cache_read, self.web_searches


@dataclass(frozen=True, slots=True)
class Price:
    """`nano_usd` is None where the model's price is not known, which is not 0."""

    nano_usd: int | None
    version: str | None


UNKNOWN = Price(None, None)


def price_of(model: str | None, at: datetime, tokens: Tokens, *, is_fast: bool = False) -> Price:
    """The price of an API call on its day. Fast mode has prices that the list does not know."""
    if model is None or is_fast:
        return UNKNOWN
    listed = _listed(model, at.date().isoformat())
    if listed is None:
        return UNKNOWN
    if tokens.input_in_all > listed.flat_up_to:
        usd = listed.price.calc_price(_usage(tokens))["total_price"]
    else:
        usd = sum((count * unit for count, unit in zip(tokens.columns(), listed.per_unit, strict=True) if count), Decimal(0))
    return Price(round(usd * NANO_PER_USD), price_version())


def price_version() -> str:
    """The price list that new rows are priced by."""
    return f"genai-prices {_package_version()}"


@lru_cache(maxsize=1)
def _package_version() -> str:
    return version("genai-prices")


@dataclass(frozen=True, slots=True)
class _Listed:
    price: ModelPrice
    # In the order of Tokens. Holds for calls with that many input tokens in all; larger ones may have prices by tier.
    per_unit: tuple[Decimal, ...]
    flat_up_to: float


@lru_cache(maxsize=4096)
def _listed(model: str, day: str) -> _Listed | None:
    """The model's prices on a day. Kept, since asking the library costs 80 µs a call."""
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
        input_tokens=tokens.input_in_all,
        output_tokens=tokens.output,
        cache_write_tokens=tokens.cache_write_5m + tokens.cache_write_1h,
        cache_write_1h_tokens=tokens.cache_write_1h,
        cache_read_tokens=tokens.cache_read,
        web_searches=tokens.web_searches,
    )

"""The cost of tokens, and what the prompt cache saved, by the price list inside the genai-prices package. Its version is stored with every price.

The cache saved what the same input would have cost without it, every token at the plain price of input, minus what the input did cost. Output and web
searches cost the same either way. It is negative where the cache was written and never read.

The list has neither the prices of fast mode nor of where a call is computed. Both are factors of all tokens: those that Claude Code itself reckons with.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from math import inf
from typing import Final

from genai_prices import Usage, calc_price
from genai_prices.types import ModelPrice, TieredPrices

PROVIDER = "anthropic"
NANO_PER_USD = 1_000_000_000
# Of a call that may be computed in the United States alone.
_GEO_FACTORS: Final = {"us": Decimal("1.1")}
# Fast mode of Claude Opus, which has no tiers of long context. Of other models no price is known.
_FAST_FACTORS: Final = {"4-6": Decimal(6), "4-7": Decimal(6), "4-8": Decimal(2), "5": Decimal(2)}
_FAST_MODEL: Final = re.compile(r"claude-opus-(\d(?:-\d)?)(?:-\d{8})?(?:\[1m\])?")
# Of api_calls, in the order of Tokens.
TOKEN_COLUMNS = ("input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens", "web_searches")


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
        """In the order of TOKEN_COLUMNS."""
        return self.input, self.output, self.cache_write_5m, self.cache_write_1h, self.cache_read, self.web_searches


@dataclass(frozen=True, slots=True)
class Price:
    """All is None if the price of the model is unknown. `uncached_nano_usd`: what the input would have cost without a prompt cache."""

    nano_usd: int | None
    version: str | None
    uncached_nano_usd: int | None
    cache_saved_nano_usd: int | None

    def columns(self) -> tuple[int | str | None, ...]:
        """In the order of the columns of staged_api_calls."""
        return self.nano_usd, self.uncached_nano_usd, self.cache_saved_nano_usd, self.version


UNKNOWN = Price(None, None, None, None)


def price_of(model: str | None, at: datetime, tokens: Tokens, *, is_fast: bool = False, geo: str | None = None) -> Price:
    """The price of an API call on its day. `geo`: where it was computed, if it may not be anywhere."""
    factor = _factor(model, is_fast, geo)
    listed = _listed(model, at.date().isoformat()) if model is not None and factor is not None else None
    if listed is None or factor is None:
        return UNKNOWN
    if tokens.all_input > listed.flat_up_to and not is_fast:
        listed_price = listed.price.calc_price(_usage(tokens))
        uncached_usd = tokens.all_input * listed.plain_unit(tokens.all_input)
        usd, saved_usd = listed_price["total_price"], uncached_usd - listed_price["input_price"]
    else:
        used = [each for each in zip(tokens.columns(), listed.per_unit, listed.saved_per_unit, strict=True) if each[0]]
        usd = sum((count * unit for count, unit, _ in used), Decimal(0))
        uncached_usd = tokens.all_input * listed.per_unit[0]
        saved_usd = sum((count * saved for count, _, saved in used if saved), Decimal(0))
    # A web search costs the same everywhere.
    usd += (factor - 1) * (usd - tokens.web_searches * listed.per_unit[-1])
    nano_usd, uncached, saved = (round(each * NANO_PER_USD) for each in (usd, factor * uncached_usd, factor * saved_usd))
    return Price(nano_usd, price_version(), uncached, saved)


def _factor(model: str | None, is_fast: bool, geo: str | None) -> Decimal | None:
    """By what the listed price is multiplied; None: not known."""
    named = _FAST_MODEL.fullmatch(model or "") if is_fast else None
    fast = (_FAST_FACTORS.get(named[1]) if named else None) if is_fast else Decimal(1)
    return None if fast is None else fast * _GEO_FACTORS.get(geo or "", Decimal(1))


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
    # How much less each costs than plain input does. 0 for what is no input.
    saved_per_unit: tuple[Decimal, ...]
    flat_up_to: float
    # (more input tokens than these, the plain price of one), the highest tier first.
    plain_by_tier: tuple[tuple[int, Decimal], ...]

    def plain_unit(self, all_input: int) -> Decimal:
        """The price of a token of plain input in a call of more than `flat_up_to` input tokens. The tier depends on all input, cached or not."""
        return next(unit for start, unit in self.plain_by_tier if all_input > start)


@lru_cache(maxsize=4096)
def _listed(model: str, day: str) -> _Listed | None:
    """The prices of a model on a day. Cached, since the library takes 80 µs for each call."""
    at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    try:
        price = calc_price(Usage(input_tokens=1), model_ref=model, provider_id=PROVIDER, genai_request_timestamp=at).model_price
    except LookupError:
        return None
    tiers = sorted(
        {tier.start for tiered in vars(price).values() if isinstance(tiered, TieredPrices) for tier in tiered.tiers}, reverse=True
    )
    ones = [Tokens(**{name: 1}) for name in Tokens.__slots__]
    per_unit = tuple(price.calc_price(_usage(one))["total_price"] for one in ones)
    saved_per_unit = tuple(one.all_input * (per_unit[0] - unit) for one, unit in zip(ones, per_unit, strict=True))
    plain_by_tier = tuple((start, price.calc_price(_usage(Tokens(input=start + 1)))["total_price"] / (start + 1)) for start in tiers)
    return _Listed(price, per_unit, saved_per_unit, min(tiers, default=inf), plain_by_tier)


def _usage(tokens: Tokens) -> Usage:
    return Usage(
        input_tokens=tokens.all_input,
        output_tokens=tokens.output,
        cache_write_tokens=tokens.cache_write_5m + tokens.cache_write_1h,
        cache_write_1h_tokens=tokens.cache_write_1h,
        cache_read_tokens=tokens.cache_read,
        web_searches=tokens.web_searches,
    )

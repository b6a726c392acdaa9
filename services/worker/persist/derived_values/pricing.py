"""The cost of tokens, and what the prompt cache saved: by prices of one's own, then by the price list inside the genai-prices package.

Where a price comes from is stored with every cost (`price_version`). Prices of one's own are in the table `prices` (stored_prices.py); a process uses
those that it was given last, by `use`.

The cache saved what the same input would have cost without it, every token at the plain price of input, minus what the input did cost. Output and web
searches cost the same either way. It is negative where the cache was written and never read.

The list has neither the prices of fast mode nor of where a call is computed. Both are factors of all tokens: those that Claude Code itself reckons with.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import Final

from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, StartDateConstraint, TieredPrices

from shared.prices import Tier

PROVIDER = "anthropic"
NANO_PER_USD = 1_000_000_000
# The factor of a call that may be computed in the United States alone.
_GEO_FACTORS: Final = {"us": Decimal("1.1")}
# Fast mode of Claude Opus, which has no tiers of long context. Other models have no known price.
_FAST_FACTORS: Final = {"4-6": Decimal(6), "4-7": Decimal(6), "4-8": Decimal(2), "5": Decimal(2)}
_FAST_MODEL: Final = re.compile(r"claude-opus-(\d(?:-\d)?)(?:-\d{8})?(?:\[1m\])?")
# Columns of api_calls, in the order of Tokens.
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
    cache_write_nano_usd: int | None = None

    def columns(self) -> tuple[int | str | None, ...]:
        """In the order of the columns of staged_api_calls."""
        return self.nano_usd, self.uncached_nano_usd, self.cache_saved_nano_usd, self.cache_write_nano_usd, self.version


UNKNOWN = Price(None, None, None, None)


@dataclass(frozen=True, slots=True)
class Rates:
    """The price of one of each kind in USD, in the order of Tokens, in calls of more than `above` input tokens; 0: in all."""

    per_unit: tuple[Decimal, ...]
    above: int
    version: str


@dataclass(frozen=True, slots=True)
class OwnRates:
    """A price of one's own: for models that `model` matches, where * stands for any text, from a day on (None: always), in a tier."""

    model: str
    tier: Tier
    valid_from: date | None
    # If two are otherwise alike, the API's counts, and not the file's.
    is_of_file: bool
    rates: Rates

    def holds_for(self, model: str, day: date, tier: Tier) -> bool:
        return (
            self.tier == tier
            and (self.valid_from is None or self.valid_from <= day)
            and re.fullmatch(re.escape(self.model).replace(r"\*", ".*"), model) is not None
        )

    @property
    def precedence(self) -> tuple[bool, int, date, bool, int]:
        """The greatest counts: a whole name before a pattern, a longer pattern before a shorter, then a later day, then that of the API."""
        named = self.model.replace("*", "")
        return named == self.model, len(named), self.valid_from or date.min, not self.is_of_file, self.rates.above


# The greatest precedence first.
_own: tuple[OwnRates, ...] = ()


def use(own: Sequence[OwnRates]) -> None:
    """From now on these are the prices of one's own, in this process."""
    global _own  # noqa: PLW0603 - one list for whatever prices in a process
    _own = tuple(sorted(own, key=lambda each: each.precedence, reverse=True))
    _rates_on.cache_clear()


def price_of(model: str | None, at: datetime, tokens: Tokens, *, is_fast: bool = False, geo: str | None = None) -> Price:
    """The price of an API call on its day. `geo`: where it was computed, if it may not be anywhere."""
    if model is None:
        return UNKNOWN
    all_input = tokens.all_input
    for rates in _rates_on(model, at.date(), "fast" if is_fast else "standard"):
        if rates.above == 0 or all_input > rates.above:
            return _priced(rates, tokens, all_input, _GEO_FACTORS.get(geo) if geo else None)
    return UNKNOWN


def _priced(rates: Rates, tokens: Tokens, all_input: int, factor: Decimal | None) -> Price:
    plain, _, write_5m, write_1h, read, _ = rates.per_unit
    write = tokens.cache_write_5m * write_5m + tokens.cache_write_1h * write_1h if tokens.cache_write_5m or tokens.cache_write_1h else 0
    paid = tokens.input * plain + write + (tokens.cache_read * read if tokens.cache_read else 0)
    usd = paid + tokens.output * rates.per_unit[1]
    uncached = all_input * plain
    if factor is not None:
        usd, paid, write, uncached = usd * factor, paid * factor, write * factor, uncached * factor
    if tokens.web_searches:
        usd += tokens.web_searches * rates.per_unit[5]
    return Price(
        round(usd * NANO_PER_USD),
        rates.version,
        round(uncached * NANO_PER_USD),
        round((uncached - paid) * NANO_PER_USD),
        round(write * NANO_PER_USD),
    )


def price_version() -> str:
    """The version of the price list, for new rows."""
    return f"genai-prices {_package_version()}"


@lru_cache(maxsize=1)
def _package_version() -> str:
    return version("genai-prices")


@lru_cache(maxsize=4096)
def _rates_on(model: str, day: date, tier: Tier) -> tuple[Rates, ...]:
    """The prices of a model on a day: the first that is for so much input counts. Cached, since the library takes 80 µs for each call."""
    own = (each.rates for each in _own if each.holds_for(model, day, tier))
    return (*own, *(listed_rates(model, day) if tier == "standard" else _fast_rates(model, day)))


def _fast_rates(model: str, day: date) -> tuple[Rates, ...]:
    """Those of fast mode. They have no tiers of long context; what searches the web costs the same."""
    named = _FAST_MODEL.fullmatch(model)
    factor = _FAST_FACTORS.get(named[1]) if named else None
    listed = listed_rates(model, day)
    if factor is None or not listed:
        return ()
    *of_tokens, web_search = listed[-1].per_unit
    return (Rates((*(unit * factor for unit in of_tokens), web_search), 0, listed[-1].version),)


def listed_rates(model: str, day: date) -> tuple[Rates, ...]:
    """The prices of a model in the list on a day, by size of the input, the largest first. Empty if the list does not have it."""
    at = datetime.combine(day, time(12), UTC)
    try:
        price = calc_price(Usage(input_tokens=1), model_ref=model, provider_id=PROVIDER, genai_request_timestamp=at).model_price
    except LookupError:
        return ()
    starts = {tier.start for tiered in vars(price).values() if isinstance(tiered, TieredPrices) for tier in tiered.tiers}
    return tuple(Rates(_per_unit(price, start), start, price_version()) for start in sorted(starts | {0}, reverse=True))


def _per_unit(price: ModelPrice, above: int) -> tuple[Decimal, ...]:
    """The price of one of each kind, in a call of more than so many input tokens."""
    plain = _total(price, Tokens(input=above + 1)) / (above + 1)
    ones = [Tokens(**{"input": above + 1} | ({name: 1} if name != "input" else {})) for name in Tokens.__slots__]
    return plain, *(_total(price, one) - plain * (above + 1) for one in ones[1:])


def _total(price: ModelPrice, tokens: Tokens) -> Decimal:
    total: Decimal = price.calc_price(_usage(tokens))["total_price"]
    return total


def listed_models() -> Iterator[tuple[str, date | None]]:
    """The models of the list, each with the days from which it has other prices; None: from the beginning."""
    for model in next(provider for provider in get_snapshot().providers if provider.id == PROVIDER).models:
        yield model.id, None
        for price in model.prices if isinstance(model.prices, list) else ():
            if isinstance(price.constraint, StartDateConstraint):
                yield model.id, price.constraint.start_date


def _usage(tokens: Tokens) -> Usage:
    return Usage(
        input_tokens=tokens.all_input,
        output_tokens=tokens.output,
        cache_write_tokens=tokens.cache_write_5m + tokens.cache_write_1h,
        cache_write_1h_tokens=tokens.cache_write_1h,
        cache_read_tokens=tokens.cache_read,
        web_searches=tokens.web_searches,
    )

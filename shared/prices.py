"""Prices of one's own: what an entry of the file TRACKER_PRICES and the body of PUT /api/prices say, and how they are checked.

Prices are in US dollars for a million tokens, those of web searches for a thousand. An entry holds for the models that its pattern matches, from a day
on, in a tier, and in calls of more than a number of input tokens.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Tier = Literal["standard", "fast"]
# A million tokens for more than this is a mistake of units.
_Usd = Annotated[float, Meta(ge=0, le=1_000_000)]
Pattern = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9*][A-Za-z0-9*._:@/\[\]-]*$")]

# Multiples of the price of plain input that Anthropic charges, where an entry does not say it. A thousand web searches have one price.
CACHE_WRITE_5M: Final = Decimal("1.25")
CACHE_WRITE_1H: Final = Decimal(2)
CACHE_READ: Final = Decimal("0.1")
WEB_SEARCH_USD: Final = Decimal(10)

# Begins the price_version of a call that a price of one's own has priced.
OWN_PREFIX: Final = "own price "


class OwnPrice(Struct, kw_only=True, forbid_unknown_fields=True):
    """The price of models whose name matches `model`, where * stands for any text. `input` to `cache_read` in USD for a million tokens.

    Prices left out follow from `input`: a write to the cache costs 1.25 times that, for an hour twice, a read a tenth. 1,000 web searches cost 10 USD.
    """

    model: Pattern
    input: _Usd
    output: _Usd
    cache_write_5m: _Usd | None = None
    cache_write_1h: _Usd | None = None
    cache_read: _Usd | None = None
    web_search: Annotated[_Usd | None, Meta(description="For a thousand searches.")] = None
    tier: Annotated[Tier, Meta(description="`fast` is Claude Code's fast mode, whose prices no list has.")] = "standard"
    valid_from: Annotated[date | None, Meta(description="The first day of it, UTC; null: always.")] = None
    above_input_tokens: Annotated[
        int, Meta(ge=0, le=100_000_000, description="Only calls of more input tokens than these, cached or not.")
    ] = 0

    @property
    def usd(self) -> tuple[Decimal, ...]:
        """Input, output, cache writes for five minutes and an hour, cache reads for a million tokens; a thousand web searches."""
        plain = _exact(self.input)
        return (
            plain,
            _exact(self.output),
            plain * CACHE_WRITE_5M if self.cache_write_5m is None else _exact(self.cache_write_5m),
            plain * CACHE_WRITE_1H if self.cache_write_1h is None else _exact(self.cache_write_1h),
            plain * CACHE_READ if self.cache_read is None else _exact(self.cache_read),
            WEB_SEARCH_USD if self.web_search is None else _exact(self.web_search),
        )


def _exact(usd: float) -> Decimal:
    """As it was written: 0.1 is a tenth."""
    return Decimal(repr(usd))


def own_version(price: OwnPrice, source: Literal["file", "api"]) -> str:
    """The price_version of calls that it prices: for people, who ask where a cost comes from."""
    parts = (
        "" if price.tier == "standard" else f" {price.tier}",
        f" above {price.above_input_tokens}" if price.above_input_tokens else "",
        f" from {price.valid_from}" if price.valid_from else "",
    )
    return f"{OWN_PREFIX}{price.model}{''.join(parts)} ({source})"


def like_pattern(pattern: str) -> str:
    """For SQL's LIKE. A pattern has neither % nor a backslash."""
    return pattern.replace("_", r"\_").replace("*", "%")

"""Prices of tokens follow the price list; unknown models have no price."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from services.worker.persist.derived_values.pricing import (
    NANO_PER_USD,
    PROVIDER,
    OwnRates,
    Price,
    Rates,
    Tokens,
    listed_models,
    price_of,
    use,
)
from shared.prices import Tier

AT = datetime(2026, 2, 1, 8, 30, tzinfo=UTC)
counts = st.integers(0, 300_000)


@pytest.fixture(autouse=True, scope="module")
def list_alone() -> None:
    """Without prices of one's own, which another module may have used in this process."""
    use([])


MODELS = sorted({model for model, _ in listed_models()} | {"claude-sonnet-4-5-20250929"})


@given(tokens=st.builds(Tokens, *[counts] * 6), model=st.sampled_from(MODELS))
def test_a_call_costs_what_the_price_list_says_in_every_tier(tokens: Tokens, model: str) -> None:
    usage = Usage(
        input_tokens=tokens.all_input,
        output_tokens=tokens.output,
        cache_write_tokens=tokens.cache_write_5m + tokens.cache_write_1h,
        cache_write_1h_tokens=tokens.cache_write_1h,
        cache_read_tokens=tokens.cache_read,
        web_searches=tokens.web_searches,
    )
    listed = calc_price(usage, model_ref=model, provider_id=PROVIDER, genai_request_timestamp=AT).total_price

    price = price_of(model, AT, tokens)

    assert price.nano_usd == round(listed * NANO_PER_USD)
    assert price.version is not None
    assert price.version.startswith("genai-prices ")


def test_a_one_hour_cache_write_costs_more_than_a_five_minute_write() -> None:
    five_minutes = price_of("claude-opus-4-6", AT, Tokens(cache_write_5m=1000))
    an_hour = price_of("claude-opus-4-6", AT, Tokens(cache_write_1h=1000))

    assert (five_minutes.nano_usd, an_hour.nano_usd) == (6_250_000, 10_000_000)


def test_an_unknown_model_or_tier_has_no_price() -> None:
    unknown = Price(None, None, None, None)

    assert price_of("no-such-model", AT, Tokens(input=1)) == unknown
    assert price_of(None, AT, Tokens(input=1)) == unknown
    assert price_of("claude-sonnet-4-6", AT, Tokens(input=1), is_fast=True) == unknown


@pytest.mark.parametrize(("model", "factor"), [("claude-opus-4-6", 6), ("claude-opus-4-7-20260401[1m]", 6), ("claude-opus-4-8", 2)])
def test_fast_mode_multiplies_all_tokens_also_in_long_context(model: str, factor: int) -> None:
    tokens = Tokens(input=13, output=8, cache_write_5m=5, cache_read=21)
    long = Tokens(input=300_000)
    plain, fast, fast_long = (
        price_of(model, AT, each, is_fast=is_fast) for each, is_fast in ((tokens, False), (tokens, True), (long, True))
    )

    # The first is what Claude Code 2.1.332 counted for these tokens of Opus 4.6
    assert (plain.nano_usd, fast.nano_usd) == (306_750, 306_750 * factor)
    assert fast_long.nano_usd == 300_000 * 5_000 * factor
    assert fast.cache_saved_nano_usd == factor * (plain.cache_saved_nano_usd or 0)


def test_region_costs_a_tenth_more_but_for_web_searches() -> None:
    tokens = Tokens(input=1000, output=500, web_searches=2)
    plain, in_us, anywhere = (price_of("claude-opus-4-6", AT, tokens, geo=geo) for geo in (None, "us", "mars"))
    searches = price_of("claude-opus-4-6", AT, Tokens(web_searches=2)).nano_usd

    assert plain.nano_usd == anywhere.nano_usd == 17_500_000 + (searches or 0)
    assert in_us.nano_usd == 19_250_000 + (searches or 0)


# US dollars for a million tokens, as Anthropic lists them: input, a write for five minutes and for an hour, a read.
OPUS = (5, 6.25, 10, 0.5)
OPUS_OF_LONG_CONTEXT = (10, 12.5, 20, 1)


def nano_usd(tokens: Tokens, prices: tuple[float, ...]) -> tuple[int, int]:
    """The input's cost without a cache, and its cost. A dollar for a million tokens is 1000 nano dollars for one."""
    cached = zip((tokens.input, tokens.cache_write_5m, tokens.cache_write_1h, tokens.cache_read), prices, strict=True)
    return round(tokens.all_input * prices[0] * 1000), round(sum(count * price for count, price in cached) * 1000)


def test_the_cache_saved_the_plain_price_of_the_same_input_minus_what_it_cost() -> None:
    price = price_of("claude-opus-4-6", AT, Tokens(input=10, output=500, cache_write_5m=1_000, cache_read=50_000, web_searches=3))

    # 51,010 tokens at $5 a million are $0.25505; they cost $0.00005 + $0.00625 + $0.025
    assert (price.uncached_nano_usd, price.cache_saved_nano_usd) == (255_050_000, 223_750_000)


def test_a_cache_that_is_written_and_never_read_saves_less_than_nothing() -> None:
    five_minutes = price_of("claude-opus-4-6", AT, Tokens(cache_write_5m=1_000))
    an_hour = price_of("claude-opus-4-6", AT, Tokens(cache_write_1h=1_000))

    assert (five_minutes.cache_saved_nano_usd, an_hour.cache_saved_nano_usd) == (-1_250_000, -5_000_000)


@pytest.mark.parametrize(("cache_read", "prices"), [(199_000, OPUS), (199_001, OPUS_OF_LONG_CONTEXT), (900_000, OPUS_OF_LONG_CONTEXT)])
def test_both_sides_are_in_the_tier_of_all_input(cache_read: int, prices: tuple[float, ...]) -> None:
    tokens = Tokens(input=100, output=7_000, cache_write_5m=600, cache_write_1h=300, cache_read=cache_read)
    uncached, paid = nano_usd(tokens, prices)

    price = price_of("claude-opus-4-6", AT, tokens)

    assert (price.uncached_nano_usd, price.cache_saved_nano_usd) == (uncached, uncached - paid)


@given(tokens=st.builds(Tokens, *[counts] * 6), model=st.sampled_from(["claude-opus-4-6", "claude-haiku-4-5"]))
def test_cost_and_saving_are_the_price_without_a_cache(tokens: Tokens, model: str) -> None:
    plain = Tokens(input=tokens.all_input, output=tokens.output, web_searches=tokens.web_searches)

    price, without_cache = price_of(model, AT, tokens), price_of(model, AT, plain)

    assert price.nano_usd is not None
    assert price.cache_saved_nano_usd is not None
    assert price.nano_usd + price.cache_saved_nano_usd == without_cache.nano_usd
    assert price.uncached_nano_usd == without_cache.uncached_nano_usd
    assert without_cache.cache_saved_nano_usd == 0


def test_what_was_computed_in_the_united_states_alone_costs_a_tenth_more_but_for_searches() -> None:
    tokens = Tokens(input=1_000, cache_write_5m=1_000, cache_read=1_000, output=1_000, web_searches=1)
    anywhere, in_us = (price_of("claude-opus-4-6", AT, tokens, geo=geo) for geo in (None, "us"))

    # $0.005, $0.00625, $0.0005 and $0.025 of tokens, $0.01 of a search
    assert (anywhere.nano_usd, in_us.nano_usd) == (46_750_000, 50_425_000)
    assert (anywhere.cache_write_nano_usd, in_us.cache_write_nano_usd) == (6_250_000, 6_875_000)


@pytest.mark.parametrize(("model", "factor"), [("claude-opus-4-6", 6), ("claude-opus-4-8", 2), ("claude-opus-5-20260901", 2)])
def test_fast_mode_of_opus_costs_a_multiple_in_every_size(model: str, factor: int) -> None:
    small = Tokens(input=10, output=20, cache_read=30)
    large = Tokens(input=900_000)

    fast, listed = (price_of(model, AT, small, is_fast=is_fast).nano_usd for is_fast in (True, False))

    assert listed is not None
    assert fast == factor * listed
    assert price_of(model, AT, large, is_fast=True).nano_usd == factor * 900_000 * 5_000


@pytest.fixture
def own_prices() -> Iterator[None]:
    yield
    use([])


def own(model: str, usd: int, since: date | None = None, *, of_file: bool = False, above: int = 0, tier: Tier = "standard") -> OwnRates:
    """A price of so many dollars for a token of input."""
    return OwnRates(model, tier, since, of_file, Rates((Decimal(usd), *[Decimal(0)] * 5), above, f"own price {usd}"))


@pytest.mark.parametrize(
    ("prices", "usd"),
    [
        ([own("*", 1), own("claude-*", 2)], 2),
        ([own("claude-opus-4-6", 1), own("claude-opus-4-6*", 2)], 1),
        ([own("claude-*", 1, date(2026, 1, 1)), own("claude-*", 2), own("claude-*", 3, date(2026, 2, 2))], 1),
        ([own("claude-*", 1, of_file=True), own("claude-*", 2)], 2),
        ([own("claude-*", 1, date(2026, 1, 1), of_file=True), own("claude-*", 2)], 1),
        ([own("claude-*", 1), own("claude-*", 2, above=9), own("claude-*", 3, above=10)], 2),
        ([own("claude-*", 1), own("claude-*", 2, tier="fast")], 1),
        ([own("claude.opus-4-6", 1), own("opus", 1), own("Claude-*", 1), own("claude-opus-4", 1)], None),
    ],
)
def test_of_several_prices_the_narrowest_counts_then_the_latest_then_the_api(
    own_prices: None, prices: list[OwnRates], usd: int | None
) -> None:
    listed = price_of("claude-opus-4-6", AT, Tokens(input=10))

    use(prices)
    price = price_of("claude-opus-4-6", AT, Tokens(input=10))

    assert price.nano_usd == (listed.nano_usd if usd is None else usd * 10 * NANO_PER_USD)
    assert price.version == (listed.version if usd is None else f"own price {usd}")

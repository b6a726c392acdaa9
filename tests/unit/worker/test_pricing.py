"""Prices of tokens follow the price list; unknown models have no price."""

from datetime import UTC, datetime

from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from services.worker.persist.pricing import NANO_PER_USD, PROVIDER, Price, Tokens, price_of

AT = datetime(2026, 2, 1, 8, 30, tzinfo=UTC)
counts = st.integers(0, 300_000)


@given(
    tokens=st.builds(Tokens, *[counts] * 6), model=st.sampled_from(["claude-opus-4-6", "claude-sonnet-4-5-20250929", "claude-haiku-4-5"])
)
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
    unknown = Price(None, None)

    assert price_of("no-such-model", AT, Tokens(input=1)) == unknown
    assert price_of(None, AT, Tokens(input=1)) == unknown
    assert price_of("claude-opus-4-6", AT, Tokens(input=1), is_fast=True) == unknown

"""Tokens made at random are redacted in every context, whatever their alphabet; names of code, hashes and paths stay in the same places."""

import json
import random
import re
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.redaction.redact import redact_text
from shared.redaction.redacted_lines import redact_lines
from tests.example_counts import IS_NIGHTLY, examples
from tests.random_tokens import CONTEXTS, is_left, random_token, secret_of
from tests.skips import ROOT

# By day a tenth: each is put in all contexts.
TOKENS = 10_000 if IS_NIGHTLY else 1_000
NAMES = 5_000 if IS_NIGHTLY else 1_500
# A name of code, perhaps of several parts. Another rule redacts names with digits behind `API_TOKEN=`.
NAME = re.compile(r"(?<![\w.$-])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?![\w.-])")
PLACES_OF_NAMES = ("use {} here", "token = {}\n", "secret: {},\n", "Authorization: Bearer {}\n", "login(user, token={}, retry=True)")
# Unusual names look like tokens: of 5,000 so many may.
MOST_NAMES = 2


@settings(deadline=None, max_examples=examples(3_000))
@given(st.integers(0, 2**32), st.sampled_from(sorted(CONTEXTS)))
def test_a_token_made_at_random_is_redacted_by_every_door(seed: int, name: str) -> None:
    token = random_token(random.Random(seed))
    text, secret = CONTEXTS[name](token), secret_of(name, token)

    redacted = redact_text(text)
    line = redact_lines(json.dumps({"type": "user", "content": text}).encode(), {}).decode()

    assert not is_left(secret, redacted)
    assert not is_left(secret, line)
    assert redact_text(redacted) == redacted


def test_of_ten_thousand_tokens_none_stays_in_any_context() -> None:
    rng = random.Random(20261201)
    left = []

    for token in (random_token(rng) for _ in range(TOKENS)):
        left += [(name, token) for name, text_of in CONTEXTS.items() if is_left(secret_of(name, token), redact_text(text_of(token)))]

    assert left == []


def test_names_of_code_stay_where_a_token_would_not() -> None:
    names = random.Random(20261201).sample(names_of_code(), NAMES)

    changed = {name for name in names for place in PLACES_OF_NAMES if redact_text(text := place.replace("{}", name)) != text}

    assert len(changed) <= MOST_NAMES, changed


def names_of_code() -> list[str]:
    """Those of this product and of the packages it uses that have no digit, in order."""
    folders = [*(ROOT / folder for folder in ("client", "services", "shared")), *packages()]
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    found = {name for path in files for name in NAME.findall(path.read_text(errors="ignore"))}
    return sorted(name for name in found if len(name) >= 6 and not re.search(r"\d", name))


def packages() -> list[Path]:
    site = Path(sysconfig.get_path("purelib"))
    return [site / name for name in ("celery", "fastapi", "hypothesis", "pydantic", "pytest", "sqlalchemy", "starlette")]


@pytest.mark.parametrize(
    "text",
    [
        "API_TOKEN=settings.api_token",
        "Authorization: Bearer ${token}",
        "Authorization: Bearer settings.service_token",
        'token = request.headers.get("x")',
        "token: keyword.operator.assignment",
        "secret = /run/secrets/service/account/token",
        'class="token punctuation-bracket d-flex"',
        "HEAD is now at 3f786850e387550fdab836ed7e6dc881de23001b",
        "trace 9b2f6c1e-0b1a-4c3d-9e8f-1a2b3c4d5e6f of services.worker.importers.job.run_shard",
        "asyncio.create_ta…",
        "see patterns.append_all…",
    ],
)
def test_code_hashes_and_paths_stay(text: str) -> None:
    assert redact_text(text) == text

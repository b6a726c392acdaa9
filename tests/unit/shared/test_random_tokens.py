"""Tokens made at random are redacted in every context, whatever their alphabet; names of code, hashes and paths stay in the same places."""

import base64
import json
import random
import re
import string
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.redaction.redact import redact_text
from shared.redaction.redacted_lines import redact_lines
from tests.example_counts import IS_NIGHTLY, examples
from tests.skips import ROOT

_LETTERS: Final = string.ascii_letters
ALPHABETS: Final = {
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "base32": string.ascii_uppercase + "234567",
    "base36": string.ascii_lowercase + string.digits,
    "base62": _LETTERS + string.digits,
    "base64": _LETTERS + string.digits + "+/",
    "base64url": _LETTERS + string.digits + "-_",
}
# The signs that divide a token into parts.
SIGNS: Final = ("_", "-", ".", "~", "_-", "_-.", "_-.~+/")
SHORTEST, LONGEST, MOST_SIGNS = 16, 120, 5
# A part of a token that is left tells it if it is this long.
TELLING: Final = 8


def random_token(rng: random.Random) -> str:
    """It has 16 to 120 characters, half of them short, with up to five signs. Never a number."""
    name = rng.choice(list(ALPHABETS))
    while True:
        made = rng.choices(ALPHABETS[name], k=rng.randint(SHORTEST, rng.choice((40, LONGEST))))
        signs = rng.choice(SIGNS)
        for at in rng.sample(range(1, len(made) - 1), rng.randint(0, MOST_SIGNS)):
            made[at] = rng.choice(signs)
        token = "".join(made)
        # Three dots stand for what was left out.
        if re.search("[A-Za-z]", token) and "..." not in token:
            return token + "=" * (rng.randint(0, 2) if name == "base64" and "." not in token else 0)


# Each gives a text with the token in it.
CONTEXTS: Final[dict[str, Callable[[str], str]]] = {
    "header": lambda token: f"GET /v1 HTTP/1.1\nHost: a.example\nAuthorization: Bearer {token}\nAccept: */*",
    "bearer alone": lambda token: f"sent with Bearer {token} to the service",
    "headers in JSON": lambda token: json.dumps({"headers": {"Authorization": f"Bearer {token}", "accept": "*/*"}}),
    "headers in Python": lambda token: f"requests.get(url, headers={{'Authorization': 'Bearer {token}'}})",
    "curl": lambda token: f"curl -H 'Authorization: Bearer {token}' https://a.example/v1",
    "curl, double quotes": lambda token: f'curl -s -H "Authorization: token {token}" https://a.example/v1',
    "X-Api-Key": lambda token: f"curl -H 'X-Api-Key: {token}' https://a.example",
    "environment": lambda token: f"API_TOKEN={token} make deploy",
    "export": lambda token: f"export SERVICE_AUTH_TOKEN={token}\nmake deploy",
    "export, quoted": lambda token: f"export CLIENT_SECRET='{token}'\n",
    "line of .env": lambda token: f"DEBUG=0\nACCESS_TOKEN={token}\nPORT=80\n",
    "YAML": lambda token: f"service:\n  api_token: {token}\n  url: https://a.example\n",
    "INI": lambda token: f"[service]\ntoken = {token}\nurl = https://a.example\n",
    "TOML": lambda token: f'[service]\napi_key = "{token}"\n',
    "query of a URL": lambda token: f"GET https://a.example/v1?page=2&access_token={quote(token, safe='')}&x=1",
    "user of a URL": lambda token: f"git clone https://ann:{quote(token, safe='')}@git.example/a/b.git",
    "argument of Python": lambda token: f'client = Client(url, api_token="{token}", timeout=3)',
    "dict of Python": lambda token: f"settings = {{'secret': '{token}', 'debug': False}}",
    "object of JavaScript": lambda token: f'const options = {{ apiKey: "{token}", debug: false }};',
    "JSON": lambda token: json.dumps({"name": "a", "refresh_token": token}, indent=2),
    "option": lambda token: f"deploy --token {token} --region eu",
    "option with =": lambda token: f"deploy --api-key={token} --region eu",
    "cookie": lambda token: f"GET / HTTP/1.1\nCookie: session={token}\nHost: a.example",
    "sentence": lambda token: f"The password is {token} and works on both.",
    "Dockerfile": lambda token: f"FROM a\nENV NPM_TOKEN {token}\nRUN npm ci",
    "basic": lambda token: f"Authorization: Basic {base64.b64encode(token.encode()).decode()}\n",
}


def secret_of(name: str, token: str) -> str:
    """How a token is written in a context."""
    if name == "basic":
        return base64.b64encode(token.encode()).decode()
    return quote(token, safe="") if name.endswith("URL") else token


def is_left(secret: str, text: str) -> bool:
    """Whether a text has a telling part of a secret."""
    return any(secret[start : start + TELLING] in text for start in range(max(1, len(secret) - TELLING + 1)))


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

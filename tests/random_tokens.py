"""Tokens made at random, of every alphabet, and the contexts that tell one. None is anybody's."""

import base64
import json
import random
import re
import string
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

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

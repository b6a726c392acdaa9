"""Secrets of our own making, by their shapes, and the texts that they are found in. None is anybody's: all are random."""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URL_SAFE = ALNUM + "-_"

Make = Callable[[random.Random], str]


def _of(beginning: str, alphabet: str, length: int) -> Make:
    return lambda rng: beginning + "".join(rng.choices(alphabet, k=length - 1)) + rng.choice(alphabet.replace("-", "").replace("_", ""))


def _jwt(rng: random.Random) -> str:
    def part(length: int) -> str:
        return "".join(rng.choices(URL_SAFE, k=length))

    return f"eyJ{part(33)}.eyJ{part(60)}.{part(43)}"


def _slack_webhook(rng: random.Random) -> str:
    team, channel = ("".join(rng.choices(string.ascii_uppercase + "0123456789", k=9)) for _ in range(2))
    return f"https://hooks.slack.com/services/T{team}/B{channel}/" + "".join(rng.choices(ALNUM, k=24))


def _pem(rng: random.Random) -> str:
    lines = ["".join(rng.choices(ALNUM + "+/", k=64)) for _ in range(6)]
    kind = rng.choice(["RSA ", "EC ", "OPENSSH ", ""])
    return "\n".join(
        [f"-----BEGIN {kind}PRIVATE KEY-----", *lines, "".join(rng.choices(ALNUM, k=22)) + "==", f"-----END {kind}PRIVATE KEY-----"]
    )


# Known by themselves, wherever they stand.
TOKENS: dict[str, Make] = {
    "anthropic": _of("sk-ant-api03-", URL_SAFE, 95),
    "openai": _of("sk-", ALNUM, 48),
    "openai project": _of("sk-proj-", URL_SAFE, 120),
    "github classic": _of("ghp_", ALNUM, 36),
    "github app": _of("ghs_", ALNUM, 36),
    "github oauth": _of("gho_", ALNUM, 36),
    "github fine": _of("github_pat_", ALNUM + "_", 82),
    "gitlab": _of("glpat-", URL_SAFE, 20),
    "aws id": _of("AKIA", string.ascii_uppercase + "234567", 16),
    "aws session id": _of("ASIA", string.ascii_uppercase + "234567", 16),
    "google": _of("AIza", URL_SAFE, 35),
    "google oauth": _of("ya29.", URL_SAFE, 100),
    "google client": _of("GOCSPX-", URL_SAFE, 28),
    "slack bot": lambda rng: f"xoxb-{rng.randrange(10**11, 10**12)}-{rng.randrange(10**12, 10**13)}-" + "".join(rng.choices(ALNUM, k=24)),
    "slack webhook": _slack_webhook,
    "stripe": _of("sk_live_", ALNUM, 24),
    "stripe restricted": _of("rk_live_", ALNUM, 24),
    "npm": _of("npm_", ALNUM, 36),
    "pypi": _of("pypi-AgEIcHlwaS5vcmc", URL_SAFE, 120),
    "hugging face": _of("hf_", ALNUM, 34),
    "sendgrid": lambda rng: "SG." + _of("", URL_SAFE, 22)(rng) + "." + _of("", URL_SAFE, 43)(rng),
    "twilio": _of("SK", HEX, 32),
    "digitalocean": _of("dop_v1_", HEX, 64),
    "jwt": _jwt,
    "private key": _pem,
    "tracker": _of("cct_k3m9_", ALNUM, 43),
}  # fmt: skip
# Known by what stands beside them.
VALUES: dict[str, Make] = {
    "password": lambda rng: _of("", ALNUM + "!#%+^~", 14)(rng) + str(rng.randrange(10)),
    "words and number": lambda rng: (
        rng.choice(["hunter", "dragon", "Sommer", "letmein"]) + "".join(rng.choices(ALNUM, k=6)) + str(rng.randrange(10, 100))
    ),
    "aws secret": _of("", ALNUM + "/+", 40),
    "azure key": lambda rng: base64.b64encode(rng.randbytes(64)).decode(),
    "hexadecimal": _of("", HEX, 40),
    "uuid": lambda rng: "-".join("".join(rng.choices(HEX, k=k)) for k in (8, 4, 4, 4, 12)),
    "base64": lambda rng: base64.b64encode(rng.randbytes(24)).decode(),
}

ANYWHERE: dict[str, str] = {
    "prose": "Please use {} for that, thanks.",
    "line of its own": "here it is:\n\n{}\n\nand that is all",
    "quoted": 'key = "{}";',
    "code": "client = Client('{}', timeout=3)",
    "log": "2026-11-20T10:00:00Z INFO request sent with {} to host=a.example status=200",
    "markdown": "| key | `{}` |",
    "query": "https://api.example.com/v1/x?access_token={}&page=2",
    "url without user": "git clone https://{}@github.com/ann/app.git",
    "parenthesis": "(see {})",
    "after text": "the key is:{}",
    "html": "<code>{}</code>",
}
NAMED: dict[str, str] = {
    "env": "DEBUG=1\nDATABASE_PASSWORD={}\nPORT=80",
    "export": "export SERVICE_TOKEN={}",
    "export quoted": 'export API_KEY="{}"',
    "json": '{{"user": "ann", "client_secret": "{}", "port": 1}}',
    "json in json": '{{"body": "{{\\"password\\": \\"{}\\"}}"}}',
    "yaml": "db:\n  host: a\n  password: {}\n  port: 1",
    "yaml quoted": "db:\n  secret_key: '{}'\n",
    "python": "connect(host='a', password='{}')",
    "javascript": "const config = {{ apiKey: '{}', debug: true }};",
    "toml": 'access_token = "{}"',
    "curl bearer": "curl -H 'Authorization: Bearer {}' https://a.example",
    "curl header": 'curl -H "X-Api-Key: {}" https://a.example',
    "option": "deploy --token {} --verbose",
    "option with sign": "deploy --api-key={} --verbose",
    "url": "postgres://app:{}@db.example:5432/app",
    "connection string": "Server=a;User Id=app;Password={};Encrypt=true",
    "azure": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net",
    "aws credentials": "[default]\naws_access_key_id = x\naws_secret_access_key = {}\n",
    "npmrc": "//registry.example/:_authToken={}\n",
    "xml": "<password>{}</password>",
}  # fmt: skip


@dataclass(frozen=True)
class Seeded:
    """A text with a secret in it; `needles` must be nowhere."""

    kind: str
    surrounding: str
    text: str
    needles: tuple[str, ...]


def corpus(seed: int) -> Iterator[Seeded]:
    """Every kind in every surrounding that it is known in, each secret once."""
    rng = random.Random(seed)
    for kind, make in TOKENS.items():
        for surrounding, template in (ANYWHERE | NAMED).items():
            yield _seeded(kind, surrounding, template, make(rng))
    for kind, make in VALUES.items():
        for surrounding, template in NAMED.items():
            secret = make(rng)
            # In a URL a slash or a sign is written as its code, else the URL means something else.
            if surrounding == "url":
                secret = secret.replace("/", "%2F").replace("#", "%23").replace("+", "%2B")
            yield _seeded(kind, surrounding, template, secret)
    for user in ("ann", "bob"):
        basic = base64.b64encode(f"{user}:{rng.randbytes(9).hex()}".encode()).decode()
        yield _seeded("basic", "header", "Authorization: Basic {}", basic)
        yield _seeded("basic", "json", '{{"Authorization": "Basic {}"}}', basic[::-1].strip("="))
    pem = _pem(rng)
    yield Seeded("private key", "json with \\n", json.dumps({"private_key": pem, "client_email": "a@b"}), _needles(pem))
    pem = _pem(rng)
    yield Seeded("private key", "yaml block", "key: |\n  " + pem.replace("\n", "\n  ") + "\nnext: 1", _needles(pem))


def _seeded(kind: str, surrounding: str, template: str, secret: str) -> Seeded:
    return Seeded(kind, surrounding, template.format(secret), _needles(secret))


def _needles(secret: str) -> tuple[str, ...]:
    """The texts to look for: of a secret of several lines each but those that say what it is."""
    if "\n" in secret:
        return tuple(line for line in secret.split("\n") if not line.startswith("-----"))
    return (secret.rpartition("/")[2] if secret.startswith("https://") else secret,)

"""Texts as they are in transcripts, with secrets and without: what redaction must find, and what it must leave.

One text a line: its kind, a bar, the text with `\\n`, `\\r`, `\\t` and `\\\\` as escapes. A secret is in «»; whatever is random in it is written as `<alnum:36>`
and made here from a seed, so no file of the repository holds anything that looks like a key. `*_held_out.txt` was written before the rules of
redaction were changed to what they are, and nothing was added to it since: it tells what they find of texts that they were not made for.
"""

import base64
import random
import re
import string
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mnemonic import Mnemonic

FOLDER = Path(__file__).parent
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
_SPANS = re.compile("«(.*?)»", re.DOTALL)
_RANDOM = re.compile(r"<(\w+):([\w ]+)>")
_ALPHABETS = {
    "alnum": string.ascii_letters + string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "digits": string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "letters": string.ascii_letters,
    "lower": string.ascii_lowercase + string.digits,
    "pw": string.ascii_letters + string.digits + "!#%+^~",
    "upper": string.ascii_uppercase + string.digits,
    "url": string.ascii_letters + string.digits + "-_",
}


@dataclass(frozen=True)
class Case:
    """A text, and the secrets in it; none in one that is harmless."""

    kind: str
    text: str
    secrets: tuple[str, ...]
    is_held_out: bool


def secret_cases() -> list[Case]:
    """Texts with a secret."""
    return [*_cases("secrets.txt"), *_cases("secrets_held_out.txt"), *_cases("secrets_in_forms_held_out.txt")]


def harmless_cases() -> list[Case]:
    """Texts without one."""
    return [*_cases("harmless.txt"), *_cases("harmless_held_out.txt"), *_cases("harmless_in_forms_held_out.txt")]


def examples() -> dict[str, tuple[str, str]]:
    """By each mark of token_formats.toml: the kind, and a secret of it."""
    rng = random.Random("examples")
    # The table of this checkout, whatever the product is of.
    tables = tomllib.loads((FOLDER.parents[1] / "shared" / "redaction" / "token_formats.toml").read_text())["token"]
    return {mark: (table["kind"], _filled(rng, table["example"])) for table in tables for mark in table["begins"]}


def _filled(rng: random.Random, text: str) -> str:
    return _RANDOM.sub(lambda found: _made(rng, found[1], found[2]), text)


def _cases(name: str) -> Iterator[Case]:
    rng = random.Random(name)
    for line in (FOLDER / name).read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        kind, _, text = line.partition(" | ")
        text = re.sub(r"\\(.)", lambda found: _ESCAPES[found[1]], text)
        text = _filled(rng, text)
        yield Case(kind, _SPANS.sub(r"\1", text), tuple(_SPANS.findall(text)), "held_out" in name)


def _made(rng: random.Random, what: str, how: str) -> str:
    if what in _ALPHABETS:
        return _characters(rng, _ALPHABETS[what], int(how))
    return _MAKERS[what](rng, how)


def _characters(rng: random.Random, alphabet: str, length: int) -> str:
    """Letters at both ends, and a digit where it may have one, so that no secret is a word by chance."""
    made = rng.choices(alphabet, k=length)
    ends = [character for character in alphabet if character.isalnum()]
    made[0], made[-1] = rng.choice(ends), rng.choice(ends)
    if length > 3 and alphabet != string.ascii_letters:
        made[length // 2] = rng.choice("23456789")
    return "".join(made)


def _pem64(rng: random.Random, title: str) -> str:
    """A private key, base64 once more."""
    lines = [_characters(rng, _ALPHABETS["b64"], 64) for _ in range(5)]
    pem = "\n".join([f"-----BEGIN {title}-----", *lines, f"-----END {title}-----", ""])
    return base64.b64encode(pem.encode()).decode()


def _discord(rng: random.Random, _: str) -> str:
    snowflake = base64.b64encode(str(rng.randrange(10**17, 10**18)).encode()).decode()
    return f"{snowflake}.{_characters(rng, _ALPHABETS['url'], 6)}.{_characters(rng, _ALPHABETS['url'], 38)}"


def _basic(rng: random.Random, length: str) -> str:
    """A name and a password, as HTTP's Basic has them."""
    return base64.b64encode(f"ann:{_characters(rng, _ALPHABETS['pw'], int(length))}".encode()).decode()


def _env64(rng: random.Random, name: str) -> str:
    """Lines of variables in base64."""
    value = _characters(rng, _ALPHABETS["url"], 40)
    return base64.b64encode(f"{'DEBUG=0' + chr(10) if rng.random() < 0.5 else ''}{name}={value}\n".encode()).decode()


def _uuid(rng: random.Random, _: str) -> str:
    return "-".join(_characters(rng, _ALPHABETS["hex"], length) for length in (8, 4, 4, 4, 12))


_MAKERS: dict[str, Callable[[random.Random, str], str]] = {
    "basic": _basic,
    "discord": _discord,
    "env64": _env64,
    "pem64": _pem64,
    "seed": lambda rng, words: Mnemonic("english").to_mnemonic(rng.randbytes(int(words) * 4 // 3)),
    "uuid": _uuid,
}

"""Tells secrets from false positives in a secret's place: placeholders, words of code, names of types and files.

No pattern here goes back over what it has read (`(?>…)`, `++`), so each takes linear time.
"""

import re
from base64 import b64decode
from collections.abc import Callable

from shared.redaction.random_tokens import looks_random

PLACEHOLDERS = frozenset(
    b"any array auth bool boolean bytes changeme char character credential credentials default disabled dummy empty enabled example false hidden int integer key"
    b" localhost missing never nil none null number object optional pass passwd password passwort placeholder pwd redacted required sample secret secretstr secure"
    b" str string test testing text token true type undefined unknown user username value varchar void".split()
)
# Recognized by their beginnings, or by one character repeated.
_PLACEHOLDER = re.compile(rb"[$<\[({=:]|%(?:[({]|3c|7b|5b|24|.*%\Z)|\*\*\*|\.\.\.|\xe2\x80\xa6|![a-z]++\Z|(.)\1*+\Z", re.DOTALL)
# The same of words, unless what goes on behind them is random.
_PLACEHOLDER_WORDS = re.compile(rb"your|my[-_]|example|xxx")
# Fewer digits are a count or a port.
MIN_PIN = 6
_PASSWORD_NAME = re.compile(rb"pass(?:w|ph|code)|pass\W*\Z|[a-z_]pass|pwd|pswd|pw\b|kennwort|psk")
_OF_NAMES = re.compile(rb"pass|pwd|secret|token|key|cred|auth|env|user|config")
# Bytes beyond ASCII count too: a character of several bytes is as good as a letter.
_LETTERS = bytes(byte for byte in range(256) if byte >= 128 or chr(byte).isalpha())
_CODE = re.compile(rb"[!@#*&-]*+[A-Za-z_][A-Za-z0-9_]*+[!?]?(?>(?:\.|::|->|\?\.)[A-Za-z_][A-Za-z0-9_]*+)*[!?.:]*+")
_WORDS = re.compile(rb"[A-Za-z]{1,20}+[0-9]{0,2}+(?>[._:/-]{1,3}+(?:[A-Za-z]{1,20}+[0-9]{0,2}+|[0-9](?![A-Za-z0-9])))*+[._:/-]*+")
_COLOUR = re.compile(rb"#[0-9A-Fa-f]{3,8}+")
# Words that a sentence may say about a password without revealing it.
_SAID_OF_ONE = re.compile(
    rb"(?:sha|md|utf|base|argon|oauth|http|ipv?|tls|ssl|v|aes|rsa|hs|rs|es|ed|ps|scrypt|bcrypt|pbkdf|step|phase|user|test|option|version|x|h|line|level|part|rule)-?[0-9].*"
    rb"|[0-9]+(?:[a-z]{1,2}|[/-].*|[.,].*|\+)?|(?:[a-z]+[-'/])+[a-z]*[0-9]{0,3}.*|[0-9]+-[a-z].*|[a-z]+\(.*|[@#-].*|https?.*|[a-z]+[!?.]+|.*\*\*.*",
    re.IGNORECASE | re.DOTALL,
)
# Words of sentences about passwords, and of forms that ask for one: no pass phrase has them.
_OF_SENTENCES = re.compile(
    rb"\b(?:the|is|are|was|must|be|your|you|a|an|and|or|not|no|for|to|at|least|please|enter|required|invalid|incorrect|wrong|missing|of|in|on|with|from|should|will|has|have|been"
    rb"|can|cannot|do|does|if|this|that|it|its|new|old|forgot|reset|confirm|change|hide|show|current|repeat|characters|too|short|long|weak|strong|match|expired|here|set|use"
    rb"|hashed|field|value|input|label|empty|optional|default|none|failed|success|error|e\.g\.|ist|das|ein|bitte)\b|[(){}<>$=;]|://",
    re.IGNORECASE,
)
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_MIN_RANDOM = 20
_DIGIT = re.compile(rb"[0-9]")
_PATH = re.compile(rb"(?:[a-zA-Z]++:)?(?:~|\.{1,2})?(?>/[A-Za-z_.-]*+[0-9]{0,4}+(?:\.[a-z]{1,5}+)?)++")


def is_secret(shape: str, name: bytes, value: bytes, after: bytes) -> bool:
    """Whether to redact `value`. `shape`: its context's (context_patterns.CONTEXTS); `name`: text before it; `after`: the byte behind it."""
    lower = value.lower()
    if shape == "harmless" or _is_placeholder(lower):
        return False
    lower_name = name.lower()
    if (judge := _BY_SHAPE.get(shape)) is not None:
        return judge(shape, lower_name, value)
    is_password = _PASSWORD_NAME.search(lower_name) is not None
    if b"session" in lower_name and b"key" in lower_name and not is_password:
        return _is_random(value)
    if value.isdigit():
        return len(value) >= (MIN_PIN if is_password else 20)
    if shape == "quoted":
        return _is_quoted_secret(lower_name, value, lower, is_password)
    return _is_bare_secret(shape, name, value, lower, after, is_password)


def _is_said(_: str, name: bytes, value: bytes) -> bool:
    # Not postgres:postgres, as databases come.
    return not name.endswith(b"://%b:" % value.lower())


def _is_slashed(_: str, __: bytes, value: bytes) -> bool:
    # A port and a path are no password.
    return not value.split(b"/", 1)[0].isdigit() and (_is_mixed(value) or looks_random(value))


def _is_basic(_: str, __: bytes, value: bytes) -> bool:
    """A name and a password in base64, as HTTP's Basic has them."""
    try:
        name, colon, password = b64decode(value + b"=" * (-len(value) % 4), validate=True).partition(b":")
    except ValueError:
        return False
    return bool(name and colon and password) and (name + password).isascii() and (name + password).decode().isprintable()


def _is_opaque(_: str, __: bytes, value: bytes) -> bool:
    return looks_random(value) or (_is_mixed(value) and not _is_path(value) and value[:1] != b"%")


def trimmed(shape: str, value: bytes) -> bytes:
    """A value without the signs that end a sentence."""
    return (value.rstrip(b".,;?*") or value) if shape in ("sentence", "strong") else value


def _is_random(value: bytes) -> bool:
    """Long, of letters and digits without words: text that people do not type."""
    if len(value) < _MIN_RANDOM or _UUID.fullmatch(value) or _WORDS.fullmatch(value) or _is_path(value):
        return False
    digits = sum(byte in b"0123456789" for byte in value)
    return digits >= 3 and max(map(len, re.split(rb"[^A-Za-z0-9+/]+", value))) >= _MIN_RANDOM


def _is_said_in_sentence(shape: str, lower_name: bytes, value: bytes) -> bool:
    if value.isdigit():
        return shape == "sentence" and len(value) >= MIN_PIN and not lower_name.lstrip().startswith((b"key", b"secret", b"token"))
    if looks_random(value):
        return True
    if value[:1] in b"-/.~$%&|[" or not _is_mixed(value) or _SAID_OF_ONE.fullmatch(value) or _is_path(value):
        return False
    has = [any(map(kind, map(chr, value))) for kind in (str.islower, str.isupper, str.isdigit)] + [
        bool(re.search(rb"[!#%^&*+~@$?]", value))
    ]
    if not lower_name.startswith((b"pass", b"pin")):
        return len(value) >= 16 and _is_random(value + b"0" * 4) and has[2]
    if shape == "strong":
        return sum(has) >= 3 and not _WORDS.fullmatch(value)
    return has[2] or (has[3] and sum(has) >= 3)


def is_placeholder(text: str) -> bool:
    """Whether a text stands for a secret without being one: `${TOKEN}`, `<your token>`, `xxx`, nothing."""
    return not text or _is_placeholder(text.lower().encode("utf-8", "surrogatepass"))


def is_cell(_: str, name: bytes, value: bytes) -> bool:
    """Whether a cell of a table is a secret: it is under or beside a secret's name, and it is no word, type, date or count."""
    if _PASSWORD_NAME.search(name) is not None:
        return _is_said_in_sentence("sentence", b"pass", value) and _DIGIT.search(value) is not None and not _WORDS.fullmatch(value)
    return _is_said_in_sentence("strong", b"key", value)


def is_run_on(value: bytes) -> bool:
    """Whether a line could be the rest of a secret that began on the line before: one run of letters with digits, without words."""
    return _DIGIT.search(value) is not None and _is_mixed(value) and not _WORDS.fullmatch(value) and not _is_path(value)


def _is_placeholder(lower: bytes) -> bool:
    return (
        lower.rstrip(b"?!:") in PLACEHOLDERS
        or _PLACEHOLDER.match(lower) is not None
        or (_PLACEHOLDER_WORDS.match(lower) is not None and not looks_random(lower.lstrip(b"x")))
        or b"..." in lower
        or b"****" in lower
        or b"${" in lower
        or b"xxxxx" in lower
    )


def _is_mixed(value: bytes) -> bool:
    """Letters with digits or with what is in no word."""
    others = value.translate(None, delete=_LETTERS)
    return len(others) < len(value) and bool(others.strip(b"_-. "))


def is_code(value: bytes) -> bool:
    """Whether it has the form of a name, or of words: what it says is not judged."""
    return _CODE.fullmatch(value) is not None or _WORDS.fullmatch(value) is not None


def _is_path(value: bytes) -> bool:
    return b"/" in value and _PATH.fullmatch(value) is not None


def _is_quoted_secret(lower_name: bytes, value: bytes, lower: bytes, is_password: bool) -> bool:
    if looks_random(value):
        return True
    if value.isalpha():
        # A capitalized word is a label; a password is one word, another secret a long one.
        return len(value) >= (6 if is_password else 16) and not value.istitle()
    if b" " in value:
        return b"phrase" in lower_name or (is_password and _is_phrase(value))
    if _is_path(value) or _COLOUR.fullmatch(value):
        return False
    if not value.isalnum() and _WORDS.fullmatch(value):
        return is_password and _is_mixed(value) and not _OF_NAMES.search(lower)
    return len(value) >= 6 and (is_password or _is_mixed(value))


def _is_phrase(value: bytes) -> bool:
    """Words that are no sentence: a password with blanks."""
    words = value.split()
    if not 2 <= len(words) <= 12 or _OF_SENTENCES.search(value) or value.endswith((b".", b":")):
        return False
    return _is_mixed(value) or (len(words) >= 3 and not _OF_NAMES.search(value.lower()))


def _is_bare_secret(shape: str, name: bytes, value: bytes, lower: bytes, after: bytes, is_password: bool) -> bool:
    if len(value) < 6 or (after and after in b"([{"):
        return False
    is_option = shape == "option"
    is_said = is_option or (name[-1:] == b"=" and name[:-1].isupper())
    if looks_random(value):
        return True
    if _is_path(value):
        return False
    if value.isalpha():
        if is_option:
            return False
        is_end_of_line = after in b"\r\n;&"
        return (is_said or (is_password and is_end_of_line and value.islower())) and not _OF_NAMES.search(lower)
    if is_option and value[:1] == b"-":
        return False
    if _WORDS.fullmatch(value) if value.isalnum() else is_code(value):
        if _OF_NAMES.search(lower) or b"." in value or b":" in value or b"/" in value or b"->" in value:
            return False
        if b"_" in value or b"-" in value:
            return is_said and _is_mixed(value)
    return is_said or _is_mixed(value)


# Shapes that are judged by the value alone, or nearly; the others are judged by the name, too.
_BY_SHAPE: dict[str, Callable[[str, bytes, bytes], bool]] = {
    "said": _is_said,
    "slashed": _is_slashed,
    "opaque": _is_opaque,
    "random token": lambda _, __, value: looks_random(value),
    "basic": _is_basic,
    "random": lambda _, __, value: _is_random(value),
    "sentence": _is_said_in_sentence,
    "strong": _is_said_in_sentence,
    "cell": is_cell,
}

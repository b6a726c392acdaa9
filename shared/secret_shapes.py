"""Whether what stands where a secret would is one: not a placeholder, not a word of code, not the name of a type or a file.

No pattern here goes back over what it has read (`(?>…)`, `++`), so each takes linear time.
"""

import re

PLACEHOLDERS = frozenset(
    b"any array auth bool boolean bytes changeme char character credential credentials default disabled dummy empty enabled example false hidden int integer key"
    b" localhost missing never nil none null number object optional pass passwd password passwort placeholder pwd redacted required sample secret secretstr secure"
    b" str string test testing text token true type undefined unknown user username value varchar void".split()
)
# By what they begin with, or one character again and again.
_PLACEHOLDER = re.compile(rb"[$<\[({=:]|%(?:[({]|.*%\Z)|your|my[-_]|example|xxx|\*\*\*|\.\.\.|\xe2\x80\xa6|(.)\1*+\Z", re.DOTALL)
_OF_NAMES = re.compile(rb"pass|pwd|secret|token|key|cred|auth|env|user|config")
# And what is not ASCII: a character of several bytes is as good as a letter.
_LETTERS = bytes(byte for byte in range(256) if byte >= 128 or chr(byte).isalpha())
# No word is as long.
_RANDOM_LETTERS = 28
_CODE = re.compile(rb"[!@#*&-]*+[A-Za-z_][A-Za-z0-9_]*+[!?]?(?>(?:\.|::|->|\?\.)[A-Za-z_][A-Za-z0-9_]*+)*[!?.:]*+")
_WORDS = re.compile(rb"[A-Za-z]{1,20}+[0-9]{0,2}+(?>[._:/-]{1,3}+[A-Za-z]{1,20}+[0-9]{0,2}+)*+[._:/-]*+")
_COLOUR = re.compile(rb"#[0-9A-Fa-f]{3,8}+")
_PATH = re.compile(rb"(?:[a-zA-Z]++:)?(?:~|\.{1,2})?(?>/[A-Za-z_.-]*+[0-9]{0,4}+(?:\.[a-z]{1,5}+)?)++")


def is_secret(shape: str, name: bytes, value: bytes, after: bytes) -> bool:
    """Whether `value` is to be redacted. `shape`: how it stands there (secret_patterns.CONTEXTS); `name`: what is before it; `after`: one byte behind it."""
    lower = value.lower()
    if _is_placeholder(lower):
        return False
    if shape == "said":
        return True
    if shape == "opaque":
        return _is_mixed(value) and not _is_path(value) and value[:1] != b"%"
    lower_name = name.lower()
    is_password = b"pass" in lower_name or b"pwd" in lower_name
    if value.isdigit():
        return len(value) >= (6 if is_password else 20)
    if shape == "quoted":
        return _is_quoted_secret(lower_name, value, lower, is_password)
    return _is_bare_secret(shape, name, value, lower, after, is_password)


def is_placeholder(text: str) -> bool:
    """Whether a text stands for a secret without being one: `${TOKEN}`, `<your token>`, `xxx`, nothing."""
    return not text or _is_placeholder(text.lower().encode("utf-8", "surrogatepass"))


def _is_placeholder(lower: bytes) -> bool:
    return (
        lower.rstrip(b"?!:") in PLACEHOLDERS
        or _PLACEHOLDER.match(lower) is not None
        or b"..." in lower
        or b"****" in lower
        or b"${" in lower
    )


def _is_mixed(value: bytes) -> bool:
    """Letters with digits or with what is in no word."""
    others = value.translate(None, delete=_LETTERS)
    return len(others) < len(value) and bool(others.strip(b"_-. "))


def _is_path(value: bytes) -> bool:
    return b"/" in value and _PATH.fullmatch(value) is not None


def _is_quoted_secret(lower_name: bytes, value: bytes, lower: bytes, is_password: bool) -> bool:
    if value.isalpha():
        # A capitalized word is a label; a password is one word, another secret a long one.
        return len(value) >= (6 if is_password else 16) and not value.istitle()
    if b" " in value:
        return b"phrase" in lower_name
    if _is_path(value) or _COLOUR.fullmatch(value):
        return False
    if not value.isalnum() and _WORDS.fullmatch(value):
        return is_password and _is_mixed(value) and not _OF_NAMES.search(lower)
    return len(value) >= 6 and (is_password or _is_mixed(value))


def _is_bare_secret(shape: str, name: bytes, value: bytes, lower: bytes, after: bytes, is_password: bool) -> bool:
    if len(value) < 6 or (after and after in b"([{") or _is_path(value):
        return False
    is_option = shape == "option"
    is_said = is_option or (name[-1:] == b"=" and name[:-1].isupper())
    if value.isalpha():
        if is_option:
            return False
        is_end_of_line = after in b"\r\n;&"
        is_random = len(value) >= _RANDOM_LETTERS and not (value.islower() or value.isupper())
        return (is_said or is_random or (is_password and is_end_of_line and value.islower())) and not _OF_NAMES.search(lower)
    if is_option and value[:1] == b"-":
        return False
    if _WORDS.fullmatch(value) if value.isalnum() else (_CODE.fullmatch(value) or _WORDS.fullmatch(value)):
        if _OF_NAMES.search(lower) or b"." in value or b":" in value or b"/" in value or b"->" in value:
            return False
        if b"_" in value or b"-" in value:
            return is_said and _is_mixed(value)
    return is_said or _is_mixed(value)

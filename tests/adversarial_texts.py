"""Texts that are made to be redacted slowly: a megabyte each, behind a real secret of each kind, so that all that can be looked for is."""

import json

from tests.redaction_corpus import examples, secret_cases
from tests.seeded_secrets import corpus

MEGABYTE = 1_000_000
_OF_EACH = (
    {seeded.kind: seeded.text for seeded in corpus(13)} | {case.kind: case.text for case in secret_cases()} | dict(examples().values())
)
ONE_OF_EACH = "\n".join(_OF_EACH.values()) + "\n"

# Beginnings of secrets, and what is found again and again.
UNITS = (
    "plain words here and there ",
    "a://a:",
    "a://b:c@",
    "://:",
    "://:a@",
    "https://a:b@",
    "password=",
    "password = ",
    'token:"',
    "sk-ant-",
    "sk-",
    "SK",
    "AKIA",
    "glpat-",
    "glpat-aaaa.",
    "eyJaaaaaaaa.",
    "eyJaaaaaaaa.eyJ",
    "eyJ",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nVersion: ",
    "authorization: bearer ",
    "--token ",
    " -u a:",
    "login a password ",
    "[redacted:",
    "[redacted:x:00000000]",
    "secret_key",
    "\\",
    '\\\\"',
    "'",
    "cookie: a=",
    "?sig=",
    "<password>",
    "password\\\\\\",
    "Proc-Type: ",
    "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAA\n",
    "password=a1b2c3 ",
    'password="********" ',
    "SG.aaaaaaaaaaaaaaaa.",
    "…",
    "://a:bcd…",
    "пароль=",
    ":AA",
    "123456789:AA",
    "MTAw",
    "-us1",
    "https://",
    "1/",
    "8Q~",
    "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0t",
    "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-",
    "-----BEGIN PRIVATE KEY-----\n1:AAAAAAAAAAAAAAAA\n",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ",
    "mysql ",
    "mysql -pabcdef ",
    "mysql -p",
    "redis-cli -a ",
    "mnemonic ",
    "nemonicabandon ",
    "seed phrase ",
    "seed phrase is ",
    "next_token=",
    "page",
    "password a b c is ",
    "password is ab1cdef ",
    "password a",
    "a:5432:b:c:",
    "a:5432:",
    "A_KEY=",
    "://a:b/c",
    "://a:b@c/d",
    "identified by '",
    "password for ",
    "echo a | ",
    "echo abcdefg",
    'password("',
    "password value: ",
    "secret [x]: ",
    "define('password','",
    "ENV password ",
    "pass: ",
    "sk-ant-gldt-glrt-glptt-glcbt-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ",
    "token=\\\n",
    "token: |\n ",
    "token aa aa aa:\n",
    "token\n",
    "the token is\n\n",
    "| token | ",
    "token|",
    "| token |\n|---|\n",
    "a,token\nb,c\n",
    "token,",
    "token\t",
    "│ token │ 1\n",
    "token => ",
    "token%3D",
    "%2Faa",
    "%22token%22%3A%22",
    "token <<< ",
    "<<<",
    "docker login <<<a1b2c3 ",
    'token" { ',
    'token" { default = "a1b2c3" } ',
    "kind: Secret\n",
    "kind: Secret\ndata:\n a: YWJjZGVm\n",
    "data:\n a: YWJjZGVm\n",
    ".aaaaaa.",
    "M.aaaaaa.",
    "ghp_aaaaaa\n",
    "ghp_a1a1a1\na1a1a1a1\n",
    "glpat-aaaa\n  ",
    "AKIAAAAAAAAAAAAAAAAA,",
    "eyJaaaaaaaa xoxb-aaaaaaaaaaaaaaaaeyJaaaaaaaa_eyJaaaaaaaa ",
)
# Each time another; "{}" is a number.
FORMS = (
    "{:010}:AA{:032} ",
    "mysql -pa{:06}b ",
    "{:032x}-us1 ",
    "https://{:032x}@a.io/1 ",
    "password is a{:07}b ",
    "A_KEY=a{:020}b ",
    "a:5432:b:c:d{:06}e ",
    "PASSWORD 'a{:06}b' ",
    "password value: a{:06}b ",
    "ghp_{:036} ",
    "AKIA{:016} ",
    "eyJ{:08}.eyJ{:08}.",
    "eyJ{:08}.eyJ{:08}.{:08} ",
    "xoxe-{:016}eyJ",
    "xoxe-{:016}glpat-aaaa.",
    "sk-ant-gldt-glrt-glptt-{:020} ",
    "-----BEGIN PRIVATE KEY-----\n{:016}\n",
    "pwd=a{:05} ",
    "password=a{:06}_b ",
    "password: a{:06}",
    "token: {:a>8} ",
    "token: a/b{:04}/c ",
    "token: {:a>100} ",
    "token: '{:b>100}' ",
    '"token":"x{:06}",',
    "://:{:06}@ ",
    "https://a{:06}:b@",
    "bearer {:016x} ",
    "authorization:{:08x} ",
    "cookie:a={:06x}\n",
    " -u a:{:05x}b",
    "&sig={:030}",
    "--token a{:06} ",
    "<pwd>a{:06}</",
    "[redacted:x:{:08x}]",
    "[redacted:x:{:08x}]pwd=a{:05}",
    "://x password=Gr8-{:06}:y@tok@t ",
    "AKIA{:016}pwd=a{:05} ",
    "| token | a{:017}b |\n",
    "a,token\nb,c{:018}d\n",
    "token: |\n  a{:010}b\n",
    "token: |\n  a{:010}b\n  c{:010}d\n",
    "kind: Secret\ndata:\n a: Y{:010}g\n",
    "Ma{:022}.aaaaa1.aaB{:026} ",
    "ghp_{:018}a\n{:018}b\n",
    "token%3Da{:010}b ",
    "token =>a{:018}b ",
)


KINDS = (*UNITS, *FORMS)


# Things that a line can begin and not end: literals, escapes and levels.
BROKEN = ('\\"', '"', "\\", '{"a":', "[", '{"a":"\\u0067hp_', "1 ", '""', '{"password":"a"}')


def megabyte_of(kind: str) -> str:
    """In UTF-8, and the secrets before it."""
    return ONE_OF_EACH + _repeated(kind, MEGABYTE)


def worst_case_lines(kind: str, length: int, *, before: str = ONE_OF_EACH) -> bytes:
    """Three lines, each with so many bytes of a kind behind the secrets: as a text in JSON, as no JSON, and in JSON in pieces."""
    text = before + _repeated(kind, length)
    pieces = [text[n : n + 50] for n in range(0, len(text), 50)]
    return b"\n".join([json.dumps({"content": text}).encode(), text.encode(), json.dumps(pieces).encode()])


def broken_json(unit: str, length: int) -> bytes:
    """A line that ends in the middle, behind a secret."""
    return b'{"a":"' + _repeated(unit, length).encode() + b"glpat-aB3dE6gH9jK2mN5pQ8sT"


def _repeated(kind: str, length: int) -> str:
    """So many bytes."""
    if kind in FORMS:
        return "".join(kind.format(*[number] * 3) for number in range(length // len(kind.format(*[0] * 3))))
    return kind * (length // len(kind.encode()))

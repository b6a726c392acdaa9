"""Texts that are made to be redacted slowly: a megabyte each, behind a real secret of each kind, so that all that can be looked for is."""

from tests.seeded_secrets import corpus

MEGABYTE = 1_000_000
ONE_OF_EACH = "\n".join({seeded.kind: seeded.text for seeded in corpus(13)}.values()) + "\n"

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
    "sk-ant-gldt-glrt-glptt-glcbt-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ",
    "eyJaaaaaaaa xoxb-aaaaaaaaaaaaaaaaeyJaaaaaaaa_eyJaaaaaaaa ",
)
# Each time another; "{}" is a number.
FORMS = (
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
)


KINDS = (*UNITS, *FORMS)


def megabyte_of(kind: str) -> str:
    """In UTF-8, and the secrets before it."""
    if kind in UNITS:
        return ONE_OF_EACH + kind * (MEGABYTE // len(kind.encode()))
    length = len(kind.format(*[0] * 3))
    return ONE_OF_EACH + "".join(kind.format(*[number] * 3) for number in range(MEGABYTE // length))

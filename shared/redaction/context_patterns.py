"""The patterns of secrets: values with a known form, and values that the text around them reveals.

Bytes for RE2, which runs in linear time for any text. No pattern looks ahead further than it consumes: else a text made of its
beginnings would be read again for each of them.
"""

from functools import lru_cache
from typing import NamedTuple

import re2

from shared.redaction.token_formats import kinds


@lru_cache(maxsize=1)
def cut_off() -> bytes:
    """A secret at the end of a text that was cut: the part left is too short to have a known form."""
    marks = [kind for kind in kinds() if len(kind.begins) > 2 and not kind.behind and b"//" not in kind.begins]
    begins, like_words = (b"|".join(re2.escape(kind.begins) for kind in marks if kind.is_alone == is_alone) for is_alone in (False, True))
    # A beginning that ordinary words share needs a random rest: a digit in it, and no divider of words.
    rests = rb"(?:" + begins + rb")[A-Za-z0-9_./+=-]{6,}|(?:" + like_words + rb")[A-Za-z]*[0-9][A-Za-z0-9]{5,}"
    return rb"(?:^|[^A-Za-z0-9_]|\\[nrt])(" + rests + rb""")\xe2\x80\xa6$|://[^\s\x00:/@"'`<>\\]*:([^\s\x00/@"'`<>\\]{3,})\xe2\x80\xa6$"""


# Words that a secret's name ends with. Not "tokens": calls of the API count these.
SECRET_WORDS = (
    rb"(?:pass(?:word|wd|phrase|code|wort)|[_-]pass|(?-i:[a-z]Pass)|(?:db|smtp|ssh|user|root|admin)pass|kennwort"
    rb"|pwd|pswd|[_-]pw|db_?pw|psk|secret|private_key_id|secret[ _-]?key(?:[_-]?base)?|secret[ _-]?access[ _-]?key"
    rb"|(?:access|account|admin|api|app|application|auth|client|consumer|deploy|encryption|functions|hmac|jwt|license|master|private|secure|server|service"
    rb"|session|shared[ _-]?access|signing|storage|subscription|unseal|webhook|write)[ _-]?key|client-key-data|token|credentials?|_auth)"
)
_SUFFIX = rb"(?:[_-]?(?:prod|production|dev|development|test|staging|live|old|new|b64|base64|v?[0-9]{1,2}))?"
SECRET_NAME = SECRET_WORDS + _SUFFIX
# Keys of any name, in an environment.
KEY_NAME = rb"[A-Z0-9]_KEY"

# Names that end like names of secrets but are not. They are skipped: names of pages, parsers, a model's tokens, and non-passwords.
_BEFORE_OTHER_TOKENS = (
    "page next prev previous continuation continue cursor sync resume resumption pad padding eos bos unk unknown cls sep mask special eot start begin end stop first last"
    " current lookahead peek cancel cancellation cancelation design color syntax lexer semantic string identifier keyword operator punctuation comment literal"
    " max min num per total prompt completion input output change state scroll position offset shard checkpoint skip marker delta iterator image audio"
)
_BEFORE_OTHER_PASSES = (
    "com by tres sur encom under over first second third last final single multi two one next render shader shadow geometry depth forward compute"
    " lighting post test tests full each opt compiler analysis optimization"
)
_BEFORE_OTHER_KEYS = (
    "public cache primary foreign sort partition routing idempotency object storage hash group range row message translation i18n query"
)


def _named(words: str, name: str) -> bytes:
    """Names of these words and a last one: `next_token`, `NEXT-TOKEN`, `theNextToken`; not `contextToken`."""
    capitals = "|".join(word.capitalize() for word in words.split()) + ")" + name.capitalize()
    return rb"(?:\b|[_-])(?i:(?:%b)[ _-]?%b)|[a-z](?:%b" % ("|".join(words.split()).encode(), name.encode(), capitals.encode())


HARMLESS_NAME = b"|".join((_named(_BEFORE_OTHER_TOKENS, "token"), _named(_BEFORE_OTHER_PASSES, "pass")))
HARMLESS_KEY_NAME = b"(?:" + b"|".join(word.upper().encode() for word in _BEFORE_OTHER_KEYS.split()) + b")_KEY="

_BARE = rb"""[^\s"'`,;&<>(){}\[\]\\|\x00-\x1f]"""
_WRAPPED = rb"\[\]byte\(|\[\]byte\{|Secret(?:Str|String|Key)?\(|SecureString\(|Buffer\.from\(|bytes\(|str\("
# A line break, and what a listing of a file or a diff has before the next line.
_NEXT_LINE = rb"\r?\n(?:[ \t]*[0-9]+(?:\xe2\x86\x92|\t))?[+-]?[ \t]*"
# Between the cells of a table: a bar, or a line of a box.
CELL_EDGE = rb"(?:\||\xe2\x94\x82|\xe2\x94\x83|\xe2\x95\x91)"
_ENCODED = rb"%(?:25)*"
# The value of a line or a cell; it may end as base64 does.
_ALONE = rb"""[^\s"'`<>(){}\[\]:=,;|\\\x00-\x1f]{6,}=?=?"""
_END_OF_LINE = rb"[`\"']*[ \t]*(?:[\r\n]|$)"
# A type is shorter than a token made at random (random_tokens.py), which may end with `=`, too.
_BEFORE_VALUE = rb"""(?:\\*["'`])?\]?[\s]*(?::=|=>|:[ ]*&?[A-Za-z.]{1,15}[ ]*=|[:=])[\s]*(?:""" + _WRAPPED + rb""")?[bruNE]?\\*"""


# Words of a sentence that gives a password, or another secret.
_SAID_PASSWORD = rb"(?:password|passphrase|passwort|passcode)(?:[ ][a-z]+)?(?:[ ][a-z]+)?(?:[ ][a-z]+)?[ ](?:is|was|to|ist|lautet|auf|are)"
_SAID = _SAID_PASSWORD + rb"|(?:token|secret|key|pin)[ ](?:is|was)"


class Context(NamedTuple):
    """The patterns before a value, of the value, and behind it. None of them matches a NUL, which marks an end.

    `shape` selects the test (false_positives.py). "said": not a placeholder. "opaque": unlike a word of code. The others also use the name.
    """

    shape: str
    before: bytes
    value: bytes
    behind: bytes = b""


# Without counting where a beginning is common: RE2 would need a state for each number, run out of memory for them, and go on a hundred times slower.
CONTEXTS: tuple[Context, ...] = (
    # A name that only looks like a secret's, so that it is not read again from its second word
    Context("harmless", rb"(?:" + HARMLESS_NAME + rb")", rb"""(?:\\*["'`])?\]?(?:[\s]*[:=]|%(?:25)*(?:22%(?:25)*)?3[AaDd])"""),
    Context("harmless", b"--(?:[a-z]+-)?", b"(?:" + b"|".join(_BEFORE_OTHER_TOKENS.encode().split()) + b"|starting)-token[ =]"),
    Context("harmless", b"", HARMLESS_KEY_NAME),
    # scheme://VALUE@host
    Context("random token", rb"://", rb"[A-Za-z0-9_.~+=-]+", rb"(?::x-oauth-basic)?@[A-Za-z0-9]"),
    # scheme://user:VALUE@host, and with a slash in it, which would have to be written as its code: then up to a host with a port, or the only one
    Context(
        "slashed",
        rb"""://[^\s\x00:/@"'`<>\\]*:""",
        rb"""[^\s\x00:/@"'`<>\\]*@[^\s\x00:/@"'`<>\\]*/[^\s\x00:@"'`<>\\]*""",
        rb"@[A-Za-z0-9.-]+:[0-9]",
    ),
    Context("said", rb"""://[^\s\x00:/@"'`<>\\]*:""", rb"""[^\s\x00/"'`<>\\]+""", b"@"),
    Context("slashed", rb"""://[^\s\x00:/@"'`<>\\]*:""", rb"""[^\s\x00:/@"'`<>\\]+/[^\s\x00:@"'`<>\\]*""", rb"@[A-Za-z0-9]"),
    # jdbc:oracle:thin:user/VALUE@host
    Context("said", rb"""jdbc:oracle:[a-z0-9]+:[^\s\x00:/@"'`<>\\]+/""", rb"""[^\s\x00/@"'`<>\\]+""", b"@"),
    # "auth": "VALUE", a name and a password in base64
    Context("basic", rb"""\bauth(?:\\*["'])[\s]*:[\s]*\\*["']""", rb"[A-Za-z0-9+/]+=?=?", rb"""\\*["']"""),
    # Authorization: Bearer VALUE, also as a pair of JSON or code
    Context(
        "bare",
        rb"""(?i:authorization)(?:\\*["'])?[\s]*[:=][\s]*(?:\\*["'`])?(?i:(?:bearer|basic|token|apikey|digest|bot) +)?""",
        _BARE + rb"{8,}",
    ),
    Context("opaque", rb"(?i:bearer) +", rb"[A-Za-z0-9._~+/=-]{16,}"),
    # A whole cookie header
    Context("said", rb"(?i:cookie): *", rb"""[A-Za-z0-9_.-]+=[^\x00\r\n"'\\]{4,}"""),
    # A line of a file of cookies
    Context("said", rb"\t/[^\s\x00]*\t(?:TRUE|FALSE)\t[0-9]+\t[^\s\x00]+\t", rb"""[^\s\x00"'\\]{4,}"""),
    # A name and a password for curl
    Context("opaque", rb"""[\s](?:-u|--user|-a|--auth)[ =](?:\\*["'])?[^\s\x00:"'\\/]+:""", rb"""[^\s\x00"'\\]{3,}"""),
    Context("said", rb"login[\s]+[^\s\x00/]+[\s]+password[\s]+", rb"[^\s\x00]{3,}"),
    Context("said", rb"""sshpass +-p *["']?""", rb"""[^\s\x00"']{3,}"""),
    # The signature in the URL of a shared access
    Context("said", rb"[?&]sig=", rb"[A-Za-z0-9%+/=_-]{30,}"),
    Context("quoted", rb"<(?i:" + SECRET_NAME + rb")>", rb"[^<>\s\x00]{4,}", b"</"),
    Context("option", rb"--[a-z-]*(?i:" + SECRET_NAME + rb") +(?:\\*[\"'])?", _BARE + rb"{4,}"),
    # -storepass VALUE
    Context("option", rb"[\s]-[a-z]*(?:pass|password|passwd|passphrase|passin|passout)[ ]+(?:pass:)?(?:\\*[\"'])?", _BARE + rb"{4,}"),
    Context("option", rb"[\s\"'=]pass:(?:\\*[\"'])?", _BARE + rb"{4,}"),
    Context("option", rb"authtoken[\s]+", rb"[A-Za-z0-9_-]{16,}"),
    # `pass` alone is what a test does, too
    Context("quoted", rb"\bpass(?:\\*[\"'])?[\s]*[:=][\s]*\\*\"", rb"[^\"\\\r\n\x00]{4,}"),
    Context("quoted", rb"\bpass(?:\\*[\"'])?[\s]*[:=][\s]*\\*'", rb"[^'\\\r\n\x00]{4,}"),
    Context("strong", rb"\bpass[ ]?(?::|=)[ ]*", _BARE + rb"{6,}"),
    # A call of define with a name and VALUE
    Context(
        "quoted",
        rb"(?:define|etProperty|etItem|put|set|etenv|ENV)\([\s]*\\*[\"'][A-Za-z0-9_.-]*(?i:" + SECRET_NAME + rb")\\*[\"'],[\s]*\\*[\"']",
        rb"[^\"'\\\r\n\x00]{4,}",
    ),
    # ENV NAME VALUE
    Context(
        "option",
        rb"(?:ENV|ARG|setenv|setx|config[ ]set|configure[ ]set|set(?:[ ]-[a-zU]+)?)[ \t]+[A-Za-z0-9_./:-]*(?i:"
        + SECRET_NAME
        + rb")[ \t]+(?:\\*[\"'])?",
        _BARE + rb"{4,}",
    ),
    Context("option", rb"--from-literal[= ](?:\\*[\"'])?[A-Za-z0-9_.-]+=", _BARE + rb"{6,}"),
    # IDENTIFIED BY 'VALUE'
    Context("said", rb"(?i:identified[\s]+(?:with[\s]+[a-z0-9_]+[\s]+)?by[\s]+(?:password[\s]+)?)\\*'", rb"[^'\\\r\n\x00]{4,}"),
    Context("said", rb"(?i:identified[\s]+(?:with[\s]+[a-z0-9_]+[\s]+)?by[\s]+(?:password[\s]+)?)\\*\"", rb"[^\"\\\r\n\x00]{4,}"),
    Context("quoted", rb"(?i:(?:with|encrypted|role|user|set)[\s]+password[\s]+)=?[\s]*[NE]?\\*'", rb"[^'\\\r\n\x00]{4,}"),
    Context("quoted", rb"PASSWORD[\s]*\(?[\s]*\\*'", rb"[^'\\\r\n\x00]{4,}"),
    # Password for 'https://ann@git.example': VALUE
    Context("bare", rb"(?i:password|passphrase)[ ]for[ ](?:key[ ]|user[ ])?(?:'[^'\r\n\x00]*'|[A-Za-z0-9_.@-]+):[ ]+", _BARE + rb"{4,}"),
    # The password is VALUE
    Context(
        "quoted",
        rb"(?i:" + _SAID_PASSWORD + rb")[ :]+\**[\"'`]",
        rb"[^\s\"'`\x00]{4,}",
        rb"[\"'`]",
    ),
    Context(
        "sentence",
        rb"(?i:" + _SAID + rb")[ :]+[\"'`*]*",
        rb"[^\s\"'`\x00<>(){}:=]{6,}",
    ),
    Context("strong", rb"(?i:password|passphrase|passwort)[ ]+[\"'`]?", rb"[^\s\"'`\x00<>(){}:=]{8,}"),
    # echo VALUE | sudo -S
    Context(
        "option",
        rb"(?:echo|printf)[ ]+(?:-n[ ]+)?[\"']?(?:[A-Za-z0-9_-]+:)?",
        rb"[^\s\"'`\x00|&;<>]{6,}",
        rb"(?:\\n)?[\"']?[ ]*\|[ ]*(?:sudo[ ]+-S|docker[ ]+login|gh[ ]+auth|gh[ ]+secret|chpasswd|passwd|podman[ ]+login|helm[ ]+registry)",
    ),
    # host:port:database:user:VALUE
    Context("opaque", rb"[A-Za-z0-9.*_-]+:(?:[0-9][0-9][0-9][0-9]+|\*):[A-Za-z0-9.*_-]+:[A-Za-z0-9.*_-]+:", _BARE + rb"{4,}"),
    # In an environment, keys of any name
    Context("random", KEY_NAME + rb"=[\"']?", rb"[A-Za-z0-9_+/=.~-]{20,}"),
    # command <<< VALUE
    Context("random", rb"<<<[ ]*(?:\\*[\"'])?", rb"[A-Za-z0-9_+/=.~-]{20,}"),
    # The key is, and VALUE on a line of its own
    Context("strong", rb"(?i:" + _SAID + rb")[ ]*:?[ ]*(?:\r?\n[ \t]*)+(?:```[a-z]*\r?\n[ \t]*)?`?", _ALONE, _END_OF_LINE),
)
# The same behind a secret's name, which is recognized only once.
NAMED_CONTEXTS: tuple[Context, ...] = (
    # name = "VALUE", in code, JSON, or JSON in a string
    Context("quoted", _BEFORE_VALUE + b'"', rb"[^\"\\\r\n\x00]{4,}"),
    Context("quoted", _BEFORE_VALUE + b"'", rb"[^'\\\r\n\x00]{4,}"),
    # A call of that name, with VALUE
    Context("quoted", rb"\([NE]?\\*\"", rb"[^\"\\\r\n\x00]{4,}", rb"\\*\"\)"),
    Context("quoted", rb"\([NE]?\\*'", rb"[^'\\\r\n\x00]{4,}", rb"\\*'\)"),
    # {"name": "NAME", "value": "VALUE"}, in JSON, YAML and XML
    Context(
        "bare",
        rb"(?:\\*[\"'])?,?[\s]*(?:\\*[\"'])?(?:[Vv]alue|content|defaultValue)(?:\\*[\"'])?[\s]*[:=][\s]*(?:\\*[\"'])?",
        rb"[^\s\"'<>\\\x00]{4,}",
    ),
    # Secret Access Key [None]: VALUE
    Context("bare", rb"[ ]?\[[^\[\]\s\x00]*\][ ]?:[ ]*", _BARE + rb"{4,}"),
    # NAME=\, and VALUE on the next line
    Context("bare", rb"(?:\\*[\"'`])?[ ]*[:=]?[ ]*\\" + _NEXT_LINE + rb"(?:\\*[\"'`])?", _BARE + rb"{4,}"),
    # name: |, and VALUE on the next line
    Context("quoted", rb"(?:\\*[\"'])?[ ]*:[ ]*[|>][+0-9-]*[ ]*" + _NEXT_LINE, rb"[^\s\x00][^\r\n\x00]{3,}"),
    # Name for something:, and VALUE on a line of its own
    Context(
        "strong",
        rb"[*_\"'`]*(?:[ ][a-z]+)?(?:[ ][a-z]+)?(?:[ ][a-z]+)?[ ]*:[*_]*[ ]*(?:" + _NEXT_LINE + rb")+(?:```[a-z]*\r?\n[ \t]*)?[`\"']?",
        _ALONE,
        _END_OF_LINE,
    ),
    # | name | VALUE |
    Context("cell", rb"[`*\"]*[ \t]*" + CELL_EDGE + rb"[ \t]*[`*\"]*", _ALONE, rb"[`*\"]*[ \t]*(?:" + CELL_EDGE + rb"|[\r\n]|$)"),
    # name => VALUE
    Context("strong", rb"(?:\\*[\"'`])?[ ]*=>[ ]*", _ALONE, rb"(?:[\s,;>)}\]]|$)"),
    # name%3DVALUE, %22name%22%3A%22VALUE
    Context(
        "bare",
        rb"(?:" + _ENCODED + rb"3[Dd]|" + _ENCODED + rb"22" + _ENCODED + rb"3[Aa](?:" + _ENCODED + rb"20)*" + _ENCODED + rb"22)",
        rb"[A-Za-z0-9._~+!*-]+(?:%2[BbFf][A-Za-z0-9._~+!*-]*)*",
    ),
    # NAME <<< VALUE
    Context("bare", rb"[ ]*<<<[ ]*(?:\\*[\"'])?", _BARE + rb"{6,}"),
    # variable "name" { default = "VALUE" }
    Context("quoted", rb"\\*\"[ ]*\{[^{}\x00]*?default[ ]*=[ ]*\\*\"", rb"[^\"\\\r\n\x00]{4,}"),
    # NAME=VALUE, name: VALUE
    Context("bare", rb"(?:\\*[\"'`])?(?: *:|=| +=) *", _BARE + rb"{4,}"),
)
# Names that make every text under them a secret, in structured data: parameters, headers, environments. Compared without case, "-" and "_".
SECRET_KEY_ENDS = (
    "password", "passwd", "passphrase", "passcode", "passwort", "pwd", "secret", "secret key", "access key", "account key", "api key", "auth key", "client key",
    "encryption key", "master key", "private key", "signing key", "shared key", "storage key", "token", "credential", "credentials",
    "authorization", "cookie", "connection string",
)  # fmt: skip
# Names that are those of something else, too: what they name is judged.
DOUBTFUL_KEY_ENDS = (
    "session key",
    "cookies",
    "db pass",
    "smtp pass",
    "user pass",
    "auth pass",
    "mail pass",
    "admin pass",
    "root pass",
    "become pass",
    "app key",
    "private key id",
)
DOUBTFUL_KEYS = ("token", "pass", "credentials", "auth")
HARMLESS_KEYS = rb"(?:" + HARMLESS_NAME + rb")\Z"

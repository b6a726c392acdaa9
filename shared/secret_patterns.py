"""What secrets look like: values that are known by themselves, and values that are known by what stands beside them.

Bytes for RE2, which runs in linear time whatever the text. No pattern looks ahead further than it takes: else a text made of its
beginnings would be read again for each of them.
"""

from typing import NamedTuple

# What a value begins with, what kind it is, and what follows. The beginning decides the kind, so none is another's beginning unless it comes before it.
TOKENS: tuple[tuple[bytes, str, bytes], ...] = (
    (b"sk-ant-", "anthropic_key", rb"[A-Za-z0-9_-]{20,}"),
    (b"sk-proj-", "openai_key", rb"[A-Za-z0-9_-]{20,}"),
    (b"sk-svcacct-", "openai_key", rb"[A-Za-z0-9_-]{20,}"),
    (b"sk-admin-", "openai_key", rb"[A-Za-z0-9_-]{20,}"),
    (b"sk-or-v1-", "openrouter_key", rb"[A-Za-z0-9]{32,}"),
    (b"ghp_", "github_token", rb"[A-Za-z0-9]{36,}"),
    (b"gho_", "github_token", rb"[A-Za-z0-9]{36,}"),
    (b"ghu_", "github_token", rb"[A-Za-z0-9]{36,}"),
    (b"ghs_", "github_token", rb"[A-Za-z0-9]{36,}"),
    (b"ghr_", "github_token", rb"[A-Za-z0-9]{36,}"),
    (b"github_pat_", "github_token", rb"[A-Za-z0-9_]{30,}"),
    (b"glpat-", "gitlab_token", rb"[A-Za-z0-9_.-]{20,}"),
    (b"gldt-", "gitlab_token", rb"[A-Za-z0-9_-]{20,}"),
    (b"glrt-", "gitlab_token", rb"[A-Za-z0-9_-]{20,}"),
    (b"glptt-", "gitlab_token", rb"[A-Za-z0-9_-]{20,}"),
    (b"glcbt-", "gitlab_token", rb"[A-Za-z0-9_-]{20,}"),
    (b"AIza", "google_key", rb"[A-Za-z0-9_-]{35,}"),
    (b"ya29.", "google_token", rb"[A-Za-z0-9_-]{20,}"),
    (b"GOCSPX-", "google_secret", rb"[A-Za-z0-9_-]{20,}"),
    (b"xoxb-", "slack_token", rb"[A-Za-z0-9-]{16,}"),
    (b"xoxp-", "slack_token", rb"[A-Za-z0-9-]{16,}"),
    (b"xoxa-", "slack_token", rb"[A-Za-z0-9-]{16,}"),
    (b"xoxr-", "slack_token", rb"[A-Za-z0-9-]{16,}"),
    (b"xoxs-", "slack_token", rb"[A-Za-z0-9-]{16,}"),
    (b"xoxe-", "slack_token", rb"[A-Za-z0-9-]{16,}"),
    (b"xoxe.", "slack_token", rb"[A-Za-z0-9.-]{16,}"),
    (b"xapp-", "slack_token", rb"[0-9]-[A-Za-z0-9-]{16,}"),
    (b"hooks.slack.com/", "slack_webhook", rb"(?:services|workflows|triggers)/[A-Za-z0-9]+/[A-Za-z0-9]+/[A-Za-z0-9]{10,}"),
    (b"discord.com/api/webhooks/", "discord_webhook", rb"[0-9]{10,}/[A-Za-z0-9_-]{30,}"),
    (b"discordapp.com/api/webhooks/", "discord_webhook", rb"[0-9]{10,}/[A-Za-z0-9_-]{30,}"),
    (b"sk_live_", "stripe_key", rb"[A-Za-z0-9]{16,}"),
    (b"sk_test_", "stripe_key", rb"[A-Za-z0-9]{16,}"),
    (b"rk_live_", "stripe_key", rb"[A-Za-z0-9]{16,}"),
    (b"rk_test_", "stripe_key", rb"[A-Za-z0-9]{16,}"),
    (b"whsec_", "webhook_secret", rb"[A-Za-z0-9+/=]{24,}"),
    (b"npm_", "npm_token", rb"[A-Za-z0-9]{36,}"),
    (b"pypi-", "pypi_token", rb"[A-Za-z0-9_-]{50,}"),
    (b"rubygems_", "rubygems_key", rb"[a-f0-9]{48}"),
    (b"hf_", "huggingface_token", rb"[A-Za-z0-9]{30,}"),
    (b"gsk_", "groq_key", rb"[A-Za-z0-9]{40,}"),
    (b"xai-", "xai_key", rb"[A-Za-z0-9]{60,}"),
    (b"pplx-", "perplexity_key", rb"[A-Za-z0-9]{40,}"),
    (b"r8_", "replicate_token", rb"[A-Za-z0-9]{37,}"),
    (b"SG.", "sendgrid_key", rb"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    (b"dop_v1_", "digitalocean_token", rb"[a-f0-9]{64}"),
    (b"doo_v1_", "digitalocean_token", rb"[a-f0-9]{64}"),
    (b"dor_v1_", "digitalocean_token", rb"[a-f0-9]{64}"),
    (b"dckr_pat_", "docker_token", rb"[A-Za-z0-9_-]{20,}"),
    (b"dapi", "databricks_token", rb"[a-f0-9]{32}"),
    (b"glsa_", "grafana_token", rb"[A-Za-z0-9]{32}_[a-f0-9]{8}"),
    (b"lin_api_", "linear_key", rb"[A-Za-z0-9]{32,}"),
    (b"ntn_", "notion_token", rb"[A-Za-z0-9]{40,}"),
    (b"figd_", "figma_token", rb"[A-Za-z0-9_-]{36,}"),
    (b"shpat_", "shopify_token", rb"[a-fA-F0-9]{32}"),
    (b"shpss_", "shopify_token", rb"[a-fA-F0-9]{32}"),
    (b"hvs.", "vault_token", rb"[A-Za-z0-9_-]{24,}"),
    (b"sntrys_", "sentry_token", rb"[A-Za-z0-9+/=_-]{40,}"),
    (b"sntryu_", "sentry_token", rb"[a-f0-9]{64}"),
    (b"NRAK-", "newrelic_key", rb"[A-Z0-9]{27}"),
    (b"PMAK-", "postman_key", rb"[a-f0-9]{24}-[a-f0-9]{34}"),
    (b"ATATT3", "atlassian_token", rb"[A-Za-z0-9_=-]{100,}"),
    (b"sbp_", "supabase_token", rb"[a-f0-9]{40}"),
    (b"sb_secret_", "supabase_token", rb"[A-Za-z0-9_-]{20,}"),
    (b"AGE-SECRET-KEY-1", "age_key", rb"[A-Z0-9]{50,}"),
    (b"cct_", "tracker_key", rb"[A-Za-z0-9]{1,64}_[A-Za-z0-9_-]{20,}"),
    (b"eyJ", "jwt", rb"[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
)
# These beginnings are also those of ordinary words, so nothing of a word may stand before or behind them.
BOUNDED_TOKENS: tuple[tuple[bytes, str, bytes], ...] = (
    (b"sk-", "openai_key", rb"[A-Za-z0-9]{32,}"),
    (b"key-", "mailgun_key", rb"[a-f0-9]{32}"),
    (b"SK", "twilio_key", rb"[a-f0-9]{32}"),
    (b"AKIA", "aws_key_id", rb"[A-Z0-9]{16}"),
    (b"ASIA", "aws_key_id", rb"[A-Z0-9]{16}"),
)
# Alone of all kinds this one goes on over its own beginnings: read again from each of them, a long run would take for ever. So a run is read as a
# whole, and is a secret only with what is in the group.
JWT = rb"eyJ[A-Za-z0-9_-]{8,}+(\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+)?"

# A private key as it is in a file, in a string of code or of JSON (\n), in YAML or a quoted mail; its end may be cut off. For Python's `re`, which
# never goes back over what it has read here: RE2 would need a state for each number. A sign is a break only in code, where it adds strings.
_PEM_BREAK = rb"""(?:[\s\\"'`,;|>#*]|\+(?![A-Za-z0-9+/=]))"""
_PEM_HEADER = rb"(?:Proc-Type|DEK-Info|Version|Comment|Hash): ?[A-Za-z0-9 .,:/()]{0,40}+(?:-[A-Za-z0-9 .,:/()]{1,40}+){0,8}+"
_PEM_TITLE = rb"(?:[A-Z0-9]{1,20}+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
PEM_BEGINNING = b"-----BEGIN "
PEM = (
    _PEM_TITLE + rb"(?:" + _PEM_BREAK + rb"{1,20}+n?" + _PEM_HEADER + rb"){0,5}+"
    rb"(?:" + _PEM_BREAK + rb"*+[A-Za-z0-9+/=]{16,}+)++(?:" + _PEM_BREAK + rb"{1,20}+[A-Za-z0-9+/=]{1,15})?"
    rb"(?:" + _PEM_BREAK + rb"{0,20}+n?-----END " + _PEM_TITLE + rb")?"
)
# For RE2, which only tells whether there may be one.
PEM_TOLD = rb"[A-Z0-9 ]*PRIVATE KEY"

# At the end of a text that was cut: a secret of which too little is left to be known by its form.
CUT_OFF = (
    rb"((?:"
    + b"|".join(beginning.replace(b".", rb"\.") for beginning, _, _ in (*TOKENS, *BOUNDED_TOKENS) if len(beginning) > 2)
    + rb")[A-Za-z0-9_./+=-]{6,})"
    rb"""\xe2\x80\xa6$|://[^\s\x00:/@"'`<>\\]*:([^\s\x00/@"'`<>\\]{3,})\xe2\x80\xa6$"""
)

# Words that a secret's name ends with. Not "tokens": that is what an API call costs.
SECRET_WORDS = (
    rb"(?:pass(?:word|wd|phrase|code)|pwd|secret|secret[_-]?key(?:[_-]?base)?|secret[_-]?access[_-]?key|(?:access|account|api|auth|client|encryption|master|private|service"
    rb"|session|shared[_-]?access|signing|storage)[_-]?key|token|credentials?)"
)
_SUFFIX = rb"(?:[_-]?(?:prod|production|dev|development|test|staging|live|old|new|v?[0-9]{1,2}))?"
SECRET_NAME = SECRET_WORDS + _SUFFIX

_BARE = rb"""[^\s"'`,;&<>(){}\[\]\\|\x00-\x1f]"""
_BEFORE_VALUE = rb"""(?:\\*["'`])?\]?[\s]*(?::=|=>|[:=])[\s]*[bru]?\\*"""


class Context(NamedTuple):
    """What is before a value, what it is itself, what is behind it. None of them reads over a NUL, which stands for an end.

    `shape` is how it is judged (secret_shapes.py): "said" unless it is a placeholder; "opaque" as a word of code would not be; else by its name.
    """

    shape: str
    before: bytes
    value: bytes
    behind: bytes = b""


# Without counting where a beginning is common: RE2 would need a state for each number, run out of memory for them, and go on a hundred times slower.
CONTEXTS: tuple[Context, ...] = (
    # scheme://user:VALUE@host
    Context("said", rb"""://[^\s\x00:/@"'`<>\\]*:""", rb"""[^\s\x00/"'`<>\\]+""", b"@"),
    # Authorization: Bearer VALUE, also as a pair of JSON or code
    Context(
        "bare",
        rb"""(?i:authorization)(?:\\*["'])?[\s]*[:=][\s]*(?:\\*["'])?(?i:(?:bearer|basic|token|apikey|digest) +)?""",
        _BARE + rb"{8,}",
    ),
    Context("opaque", rb"(?i:bearer) +", rb"[A-Za-z0-9._~+/=-]{16,}"),
    # A whole cookie header
    Context("said", rb"(?i:cookie): *", rb"""[A-Za-z0-9_.-]+=[^\x00\r\n"'\\]{4,}"""),
    # A name and a password for curl
    Context("opaque", rb"""[\s](?:-u|--user)[ =](?:\\*["'])?[^\s\x00:"'\\]+:""", rb"""[^\s\x00"'\\]{3,}"""),
    Context("said", rb"login[\s]+[^\s\x00/]+[\s]+password[\s]+", rb"[^\s\x00]{3,}"),
    Context("said", rb"""sshpass +-p *["']?""", rb"""[^\s\x00"']{3,}"""),
    # The signature in the URL of a shared access
    Context("said", rb"[?&]sig=", rb"[A-Za-z0-9%+/=_-]{30,}"),
    Context("quoted", rb"<(?i:" + SECRET_NAME + rb")>", rb"[^<>\s\x00]{4,}", b"</"),
    Context("option", rb"--[a-z-]*(?i:" + SECRET_NAME + rb") +(?:\\*[\"'])?", _BARE + rb"{4,}"),
)
# The same behind a secret's name, which is told apart but once.
NAMED_CONTEXTS: tuple[Context, ...] = (
    # name = "VALUE", in code, JSON, or JSON in a string
    Context("quoted", _BEFORE_VALUE + b'"', rb"[^\"\\\r\n\x00]{4,}"),
    Context("quoted", _BEFORE_VALUE + b"'", rb"[^'\\\r\n\x00]{4,}"),
    # NAME=VALUE, name: VALUE
    Context("bare", rb"(?:\\*[\"'`])?(?: *:|=| +=) *", _BARE + rb"{4,}"),
)

# Names that make whatever text they name a secret, in structured data: parameters, headers, environments. Compared without case, "-" and "_".
SECRET_KEY_ENDS = (
    "password", "passwd", "passphrase", "passcode", "pwd", "secret", "secret key", "access key", "account key", "api key", "auth key", "client key",
    "encryption key", "master key", "private key", "session key", "signing key", "shared key", "storage key", "token", "credential", "credentials",
    "authorization", "cookie", "cookies", "connection string",
)  # fmt: skip


def _spelled(words: str) -> bytes:
    """A name in any spelling: `api key` → api_key, apiKey, Api-Key."""
    return words.replace(" ", "[ _-]?").encode()


# The same as the rules, or more, in JSON: there a quote, a line's end and a backslash are escapes. Where any other ASCII is one, nobody can tell.
# Without counting, which would need a state for each number: this is what every text is read by.
_BLANKS = rb"(?:\s|\\[nrt])*"
_QUOTES = rb"""["'`\\\]]*"""
IN_JSON: tuple[bytes, ...] = (
    rb"(?:" + b"|".join(beginning.replace(b".", rb"\.") for beginning, _, _ in TOKENS) + rb")[A-Za-z0-9_/.-]{8}",
    rb"sk-[A-Za-z0-9]{20}|(?:key-|SK)[a-f0-9]{12}|(?:AKIA|ASIA)[A-Z0-9]{8}",
    rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
    rb"""://[^\s/@"<>]*:[^\s/"<>@]*@""",
    rb"(?i:authorization" + _QUOTES + _BLANKS + rb"[:=])",
    rb"(?i:bearer +[A-Z0-9._~+/=-]{8})",
    rb"(?i:cookie: *[A-Z0-9_.-]+=)",
    rb"""[\snrt](?:-u|--user)[ =]["'\\]*[^\s:"'\\]+:""",
    rb"""login(?:\s|\\[nrt])[^"]*password""",
    rb"sshpass ",
    rb"[?&]sig=",
    rb"(?:<|--)(?i:[a-z-]*" + SECRET_NAME + rb")[ >]",
    # Beside a name there is a text in quotes, or one that could be a secret.
    rb"(?i:" + SECRET_NAME + rb")" + _QUOTES + _BLANKS + rb"(?::=|=>|[:=])" + _BLANKS + rb"""[bru]?(?:[`\\]*["']|[^\s"'`,;&<>(){}\[\]\\|]{4})""",
    rb"(?i:(?:" + b"|".join(_spelled(end) for end in SECRET_KEY_ENDS) + rb"))\"\s*:\s*[\"\[{]",
    # Cut off: only the beginning of a secret may be left.
    rb"\xe2\x80\xa6\"",
    rb"\\u00[0-7]",
    rb"\\/",
)  # fmt: skip

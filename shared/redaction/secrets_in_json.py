"""Patterns that detect whether JSON may hold a secret. They match all that the rules match, or more, and read the input once."""

from functools import lru_cache

import re2

from shared.redaction.secret_forms import COMMANDS, SEED_BEGINS
from shared.redaction.secret_kinds import kinds, told_by
from shared.redaction.secret_patterns import KEY_NAME, SECRET_NAME

# These match all that the rules match in JSON, or more. In JSON a quote, a line's end and a backslash are escapes.
# An escape of any other ASCII character cannot be recognized.
# They do not count, which would need a state for each number: every text is read by these patterns.
_BLANKS = rb"(?:\s|\\[nrt])*"
_QUOTES = rb"""["'`\\\]]*"""


@lru_cache(maxsize=1)
def in_json() -> tuple[bytes, ...]:
    """The patterns: JSON that may hold a secret matches at least one."""
    commands = b"|".join(dict.fromkeys(re2.escape(name) + (b"" if name.endswith(b" ") else b"[ a-z-]") for name, _ in COMMANDS))
    return (
        b"|".join(dict.fromkeys(map(told_by, kinds()))),
        rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
        rb"""://[^\s/@"<>]*:[^\s"<>@]*@""",
        rb"(?i:bearer +[A-Z0-9._~+/=-]{8})",
        rb"(?i:cookie: *[A-Z0-9_.-]+=)",
        rb"""[\snrt](?:-u|--user|-a|--auth)[ =]["'\\]*[^\s:"'\\/]+:""",
        rb"""login(?:\s|\\[nrt])[^"]*password""",
        rb"sshpass ",
        rb"(?:[^A-Za-z]|\\[nrt])pass[\"'\\]*" + _BLANKS + rb"[:=]" + _BLANKS + rb"(?:[\"'\\]|[^\s\"'\\]*[0-9!#%^&*+~@$])",
        rb"[?&]sig=",
        rb"(?:<|--|[\snrt]-)(?i:[a-z-]*" + SECRET_NAME + rb")[ >]",
        rb"(?:[\snrt]-[a-z]*pass[a-z]*|authtoken|from-literal|PASSWORD" + _BLANKS + rb"\(?)" + _BLANKS + rb"[=\\'A-Za-z0-9]",
        rb"(?:define|etProperty|etItem|put|set|etenv|ENV)\(" + _BLANKS + rb"\\*[\"'][A-Za-z0-9_.-]*(?i:pass|pwd|secret|token|key|cred)",
        rb"(?:ENV|ARG|setenv|setx|set(?:[ ]-[a-zU]+)?)[ \\t]+[A-Za-z0-9_./:-]*(?i:" + SECRET_NAME + rb")[ \\]",
        rb"(?i:identified" + _BLANKS + rb"[^\"]*by)" + _BLANKS,
        rb"(?i:(?:with|encrypted|role|user|set)" + _BLANKS + rb"password" + _BLANKS + rb"=?" + _BLANKS + rb"[NE]?['\\])",
        # Said in a sentence, or at a prompt
        rb"(?i:password|passphrase)[ ]for[ ]",
        rb"(?i:pass(?:word|phrase|wort|code))(?:(?:[ ][a-z]+)?(?:[ ][a-z]+)?(?:[ ][a-z]+)?[ ](?:is|was|to|ist|lautet|auf|are)[ :]+|[ ]+)"
        rb"(?:[*]*[\"'`\\]|[^\s\"'`\\<>(){}#][^\s\"'`\\<>(){}]*[0-9!#%^&*+~@$])",
        rb"(?i:token|secret|key|pin)[ ](?:is|was)[ :]+[\"'`*\\]*[^\s\"'`\\<>(){}]*[0-9]",
        rb"\|[ ]*(?:sudo[ ]+-S|docker[ ]+login|gh[ ]+auth|gh[ ]+secret|chpasswd|passwd|podman[ ]+login|helm[ ]+registry)",
        rb":(?:[0-9][0-9][0-9][0-9]+|\*):[A-Za-z0-9.*_-]+:[A-Za-z0-9.*_-]+:[^\s\"':]",
        KEY_NAME + rb"=[\"'\\]*[A-Za-z0-9_+/=.~-]{8}",
        commands,
        rb"(?:" + b"|".join(SEED_BEGINS) + rb")",
        # Beside a name there is a text in quotes, or one that could be a secret; a list; or it is a name's own value, and its value is beside it.
        rb"(?i:" + SECRET_NAME + rb"|authorization|cookies?|connection[ _-]?string)(?:" + _QUOTES + _BLANKS + rb"(?::=|=>|[:=])" + _BLANKS
        + rb"""(?:\[\]byte.|[A-Za-z.]*\()?[bruNE]?(?:\\*["'`]|[\[{]|[^\s"'`,;&<>(){}\[\]\\|]{4})"""
        + rb"|\([NE]?\\*[\"']|:[ ]*&?[A-Za-z.]+[ ]*=[ ]*[bruNE]?\\*[\"']|[ ]?\[[^\[\]\s]*\][ ]?:"
        + rb"|" + _QUOTES + rb",?" + _BLANKS + _QUOTES + rb"(?i:value|content|default))",
        # A field's name, whose value is not beside it
        rb"\"(?:name|key|field)\"\s*:\s*\"[A-Za-z0-9_. -]*(?i:pass|pwd|secret|token|key|cred)",
        # Cut off: only the beginning of a secret may be left.
        rb"\xe2\x80\xa6\"",
        rb"\\u00[0-7]",
        rb"\\/",
    )  # fmt: skip

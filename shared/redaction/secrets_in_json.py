"""Patterns that detect whether JSON may hold a secret. They match all that the rules match, or more, and read the input once."""

import re
from functools import lru_cache

import re2

from shared.redaction.context_patterns import KEY_NAME, SECRET_NAME
from shared.redaction.secret_line_breaks import can_be_divided
from shared.redaction.structured_secrets import COMMANDS, ENCODED_MARKS, SEED_BEGINS
from shared.redaction.token_formats import Kind, kinds, token_hint

# These match all that the rules match in JSON, or more. In JSON a quote, a line's end and a backslash are escapes.
# An escape of any other ASCII character cannot be recognized.
# They do not count, which would need a state for each number: every text is read by these patterns.
_BLANKS = rb"(?:\s|\\[nrtf])*"
_QUOTES = rb"""["'`\\\]]*"""
# The end of a line, and what a listing or a diff has before the next; in JSON within JSON there are more backslashes.
_LINE_END = rb"(?:\\r)?\\n"
_NEXT_LINE = _LINE_END + rb"(?:[ 0-9+-]|\xe2\x86\x92|\\u2192|\\t)*"
# Between the cells of a table
_EDGE = rb"(?:\||\xe2\x94\x82|\xe2\x94\x83|\xe2\x95\x91|\\u2502|\\u2503|\\u2551)"
_RULE = rb"(?:--|:-|\xe2\x94\x80|\xe2\x95\x90|\\u2500|\\u2550)"
_OF_VALUE = rb"[^\s\"'`\\<>(){}\[\]:=,;|]*"
_SEPARATOR = rb"(?:[,;]|\\t)"
_BEHIND_NAMES = (
    # A text in quotes, or one that could be a secret; a list; or it is a name's own value, and its value is beside it.
    _QUOTES + _BLANKS + rb"(?::=|=>|[:=])" + _BLANKS
    + rb"""(?:\[\]byte.|[A-Za-z.]*\()?[bruNE]?(?:\\*["'`]|[\[{]|[^\s"'`,;&<>(){}\[\]\\|]{4})""",
    rb"\([NE]?\\*[\"']|:[ ]*&?[A-Za-z.]+[ ]*=[ ]*[bruNE]?\\*[\"']|[ ]?\[[^\[\]\s]*\][ ]?:",
    _QUOTES + rb",?" + _BLANKS + _QUOTES + rb"(?i:value|content|default)",
    # A text on the next line, or on a line of its own
    _QUOTES + rb"[ ]*[:=]?[ ]*(?:\\\\|:[ ]*[|>][+0-9-]*[ ]*)" + _NEXT_LINE + rb"[^\s${<]",
    rb"[*_`\"'\\]*(?:[ ][a-z]+)?(?:[ ][a-z]+)?(?:[ ][a-z]+)?[ ]*:?[*_]*[ ]*(?:" + _NEXT_LINE + rb")+(?:```[a-z]*" + _LINE_END
    + rb"[ ]*)?[`\"'\\]*(?:" + _OF_VALUE + rb"[A-Za-z]" + _OF_VALUE + rb"[0-9]|" + _OF_VALUE + rb"[0-9]" + _OF_VALUE + rb"[A-Za-z])",
    # Cells beside it or below it
    rb"[`*\" \\]*(?:\\t)?" + _EDGE + rb"[ `*\"\\]*[^\s`|\"\\]*[0-9]",
    rb"[`*_ ]*(?:" + _EDGE + rb"(?:[^\"\\]|\\u)*)?" + _LINE_END + rb"(?:[|+: 0-9]|\xe2|[\x80-\xbf]|\\u2[15][0-9a-f]*)*" + _RULE,
    rb"(?:\\\")?(?:" + _SEPARATOR + rb"(?:[A-Za-z0-9_ .,;/-]|\\[\"t])*)?" + _LINE_END + rb"(?:[^\s\"\\{}()]|\\\")(?:[^\"\\{}()]|\\\")*"
    + _SEPARATOR,
    # Behind an arrow, in a URL's code, as the default of a variable
    rb"[\"'` \\]*=>[ ]*[^\s\"'`\\,;|<>(){}\[\]:]{6}",
    rb"%(?:25)*(?:3[Dd]|22)[A-Za-z0-9%._~+!*-]",
    rb"\\+\"[ ]*\{[^{}]*default[ ]*=",
)  # fmt: skip


@lru_cache(maxsize=1)
def in_json() -> tuple[bytes, ...]:
    """The patterns: JSON that may hold a secret matches at least one."""
    commands = b"|".join(dict.fromkeys(re2.escape(name) + (b"" if name.endswith(b" ") else rb"[ a-z\\-]") for name, _ in COMMANDS))
    return (
        b"|".join(dict.fromkeys(map(_hint_in_json, kinds()))),
        rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
        rb"""://[^\s/@"<>]*(?::[^\s"<>@]*)?@""",
        rb"jdbc:oracle:[a-z0-9]+:[^\s/@\"]+/",
        rb"""["'\\]auth["'\\]+""" + _BLANKS + b":" + _BLANKS + rb"""["'\\]+[A-Za-z0-9+/]{8}""",
        rb"(?:TRUE|FALSE)(?:\t|\\+t)[0-9]+(?:\t|\\+t)",
        b"|".join(ENCODED_MARKS),
        rb"(?i:bearer +[A-Z0-9._~+/=-]{8})",
        rb"(?i:authorization)[\"'\\]*" + _BLANKS + rb"[:=]" + _BLANKS + rb"[\"'`\\]*(?i:bot) ",
        rb"(?i:cookie: *[A-Z0-9_.-]+=)",
        rb"""[\snrt](?:-u|--user|-a|--auth)[ =]["'\\]*[^\s:"'\\/]+:""",
        rb"""login(?:\s|\\[nrt])[^"]*password""",
        rb"sshpass ",
        rb"(?:[^A-Za-z]|\\[nrt])pass[\"'\\]*" + _BLANKS + rb"[:=]" + _BLANKS + rb"(?:[\"'\\]|[^\s\"'\\]*[0-9!#%^&*+~@$]|[A-Za-z0-9_=-]{16})",
        rb"[?&]sig=",
        rb"(?:<|--|[\snrt]-)(?i:[a-z-]*" + SECRET_NAME + rb")[ >]",
        rb"(?:[\snrt]-[a-z]*pass[a-z]*|authtoken|from-literal|PASSWORD" + _BLANKS + rb"\(?)" + _BLANKS + rb"[=\\'A-Za-z0-9]",
        rb"(?:define|etProperty|etItem|put|set|etenv|ENV)\(" + _BLANKS + rb"\\*[\"'][A-Za-z0-9_.-]*(?i:pass|pwd|secret|token|key|cred)",
        rb"(?:ENV|ARG|setenv|setx|set(?:[ ]-[a-zU]+)?)[ \\t]+[A-Za-z0-9_./:-]*(?i:" + SECRET_NAME + rb")[ \\]",
        rb"(?i:identified[^\"]*by" + _BLANKS + rb"(?:password" + _BLANKS + rb")?['\\])",
        rb"(?i:(?:with|encrypted|role|user|set)" + _BLANKS + rb"password" + _BLANKS + rb"=?" + _BLANKS + rb"[NE]?['\\])",
        # Said in a sentence, or at a prompt
        rb"(?i:password|passphrase)[ ]for[ ]",
        rb"(?i:pass(?:word|phrase|wort|code))(?:(?:[ ][a-z]+)?(?:[ ][a-z]+)?(?:[ ][a-z]+)?[ ](?:is|was|to|ist|lautet|auf|are)[ :]+|[ ]+)"
        rb"(?:[*]*[\"'`\\]|[^\s\"'`\\<>(){}#][^\s\"'`\\<>(){}]*[0-9!#%^&*+~@$]|[A-Za-z0-9_./=-]{16})",
        rb"(?i:token|secret|key|pin)[ ](?:is|was)[ :]+[\"'`*\\]*[^\s\"'`\\<>(){}]*[0-9]",
        rb"\|[ ]*(?:sudo[ ]+-S|docker[ ]+login|gh[ ]+auth|gh[ ]+secret|chpasswd|passwd|podman[ ]+login|helm[ ]+registry)",
        rb":(?:[0-9][0-9][0-9][0-9]+|\*):[A-Za-z0-9.*_-]+:[A-Za-z0-9.*_-]+:[^\s\"':]",
        KEY_NAME + rb"=[\"'\\]*[A-Za-z0-9_+/=.~-]{8}",
        commands,
        rb"(?:" + b"|".join(SEED_BEGINS) + rb")",
        # Behind a name, which is read once for all of them.
        rb"(?i:" + SECRET_NAME + rb"|authorization|cookies?|connection[ _-]?string)(?:" + b"|".join(_BEHIND_NAMES) + rb")",
        rb"<<<[ ]*[\"'\\]*[^\s$\"'\\<][^\s\"'\\]*[0-9]",
        rb"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{20}",
        rb"kind[\"'\\]*:[ ]*[\"'\\]*Secret[^A-Za-z]",
        # A field's name, whose value is not beside it
        rb"\"(?:name|key|field)\"\s*:\s*\"[A-Za-z0-9_. -]*(?i:pass|pwd|secret|token|key|cred)",
        # Cut off: only the beginning of a secret may be left.
        rb"\xe2\x80\xa6\"",
        rb"\\u00[0-7]",
        rb"\\/",
    )  # fmt: skip


def _hint_in_json(kind: Kind) -> bytes:
    """A sign that a token may be there, also if a line break is in it."""
    # Text encoded in base64 has its mark here and there, but not twice with a dot between.
    hint = rb"eyJ[A-Za-z0-9_-]*\.eyJ" if kind.kind == "jwt" else token_hint(kind)
    if not can_be_divided(kind):
        return hint
    mark = re.escape(kind.begins)
    return mark + rb"(?:" + hint.removeprefix(mark) + rb"|[A-Za-z0-9_.-]*" + _LINE_END + rb"(?:[ ]|\\t)*[A-Za-z0-9_.-]*[0-9])"

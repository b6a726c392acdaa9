"""Secrets that are known by a form that is more than a mark and an alphabet: private keys, JWTs, seed phrases, options of commands.

For Python's `re`, which goes on from where each begins and never goes back over what it has read here: RE2 would need a state for each number.
"""

from base64 import b64encode

# Alone of all kinds this one goes on over its own beginnings: read again from each of them, a long run would take for ever. So a run is read as a
# whole, and is a secret only with what is in the group.
JWT = rb"eyJ[A-Za-z0-9_-]{8,}+(\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+)?"

# A private key as it is in a file, in a string of code or of JSON (\n), in YAML or a quoted mail; its end may be cut off. For Python's `re`, which
# never goes back over what it has read here: RE2 would need a state for each number. A sign is a break only in code, where it adds strings.
_PEM_BREAK = rb"""(?:[\s\\"'`,;|>#*]|\+(?![A-Za-z0-9+/=]))"""
_PEM_HEADER = rb"(?:Proc-Type|DEK-Info|Version|Comment|Hash): ?[A-Za-z0-9 .,:/()]{0,40}+(?:-[A-Za-z0-9 .,:/()]{1,40}+){0,8}+"
PEM_TITLE = rb"(?:[A-Z0-9]{1,20}+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
PEM_BEGINNING = b"-----BEGIN "
# Before each line there may be its number, its file, or the container that wrote it.
_PEM_PREFIX = (
    rb"(?!-----)(?:[0-9]{1,6}(?:\xe2\x86\x92|\xe2\x94\x82|[\t:|-]|  )|[\w./-]{1,120}?[:-][0-9]{1,6}[:-]|[\w.-]{1,60}? {0,9}\| |-(?!----))(?:"
    + _PEM_BREAK
    + rb")*+"
)
PEM_PART = (
    rb"(?:" + _PEM_BREAK + rb"{1,20}+n?" + _PEM_HEADER + rb"){0,5}+"
    rb"(?:" + _PEM_BREAK + rb"*+(?:[A-Za-z0-9+/=]{16,}+(?![:._|]|-(?!----))|" + _PEM_PREFIX + rb"[A-Za-z0-9+/=]{16,}+))++"
    rb"(?:" + _PEM_BREAK + rb"{1,20}+[A-Za-z0-9+/=]{1,15})?(?:" + _PEM_BREAK + rb"{0,20}+n?-----END " + PEM_TITLE + rb")?"
)
# With its end, and any text before the lines. It has a long line; compiled_patterns checks how much of it is key lines.
PEM_WHOLE = (
    rb"(?:[A-Za-z0-9+/=]{1,31}+(?![A-Za-z0-9+/=])|[^A-Za-z0-9+/=\x00-]|-(?!----))*+[A-Za-z0-9+/=]{32,}+"
    rb"(?:[^\x00-]|-(?!----))*+-{5,7}END " + PEM_TITLE
)
PEM_LINE = rb"[A-Za-z0-9+/=]{16,}"
# For RE2, which only tells whether there may be one.
PEM_TOLD = rb"[A-Z0-9 ]*PRIVATE KEY"

# A command and an option of it that has a password, in the same line. The place between them has no length, so each command is read on its own.
COMMANDS: tuple[tuple[bytes, bytes], ...] = (
    *((name, rb"\s-p(?:\\?[\"'])?([^\s\"'\\]{3,})") for name in (b"mysql", b"mariadb")),
    *(
        (name, rb"\s-p[= ](?:\\?[\"'])?([^\s\"'\\]{4,})")
        for name in (b"docker login", b"podman login", b"mongo", b"az login", b"oc login", b"sqlcmd", b"bcp ", b"clickhouse", b"cf login")
    ),
    *((name, rb"\s-P[= ]?(?:\\?[\"'])?([^\s\"'\\]{4,})") for name in (b"sqlcmd", b"bcp ", b"zip ", b"isql")),
    *((name, rb"\s-a[= ](?:\\?[\"'])?([^\s\"'\\]{4,})") for name in (b"redis-cli", b"valkey-cli")),
    *((name, rb"\s-w[= ](?:\\?[\"'])?([^\s\"'\\]{4,})") for name in (b"ldapsearch", b"ldapadd", b"ldapmodify", b"ldapwhoami")),
    (b"secret set", rb"\s(?:--body|-b)[= ]?(?:\\?[\"'])?([^\s\"'\\]{4,})"),
    (b"htpasswd", rb"\s-[a-zA-Z]*b[a-zA-Z]*\s+(?:[^\s-]\S*\s+){1,2}(?:\\?[\"'])?([^\s\"'\\]{4,})"),
    (b"smbclient", rb"\s(?:-U|--user)[= ]?[^\s%]+%([^\s\"'\\]{4,})"),
    (b"net use", rb"\s/user:\S+\s+([^\s\"'\\/]{4,})"),
    (b"SecureString", rb"\s(?:-String\s+)?\\?[\"']([^\"'\\]{4,})\\?[\"']\s+-AsPlainText"),
)
# Their input is written behind them: `docker login --password-stdin <<< VALUE`.
HERE_COMMANDS = (b"docker login", b"podman login", b"password-stdin", b"with-token", b"gh secret", b"sudo -S", b"chpasswd")
HERE_STRING = rb"<<<[ ]*(?:\\?[\"'])?([^\s\"'\\0-9]*+[0-9][^\s\"'\\]{3,})"
COMMAND_LINE = rb"[^\r\n\x00|;]{0,400}"

# The words of a wallet. The words that call them so, and then some of them; compiled_patterns knows the words.
SEED_BEGINS = (
    b"nemonic",
    b"NEMONIC",
    b"eed phrase",
    b"eed_phrase",
    b"eedPhrase",
    b"EED_PHRASE",
    b"eed words",
    b"ecovery phrase",
    b"ecret phrase",
    b"ecovery words",
    b"ackup phrase",
)
SEED = (
    rb"[^a-z\x00]{0,24}+(?:(?:for (?:[a-z]{1,10} ){1,3}?)?(?:is|are|was|words)[^a-z\x00]{1,12}+)?"
    rb"([a-z]{3,8}+(?:[^a-z\x00]{1,8}+[a-z]{3,8}+){11,23}+)"
)

# A line of a file of variables in base64: what the end of its name is encoded as, at each of the three places where a name can end.
ENCODED_NAMES = (b"PASSWORD=", b"PASSWD=", b"PASS=", b"SECRET=", b"TOKEN=", b"_KEY=")
ENCODED_MARKS = tuple(
    b64encode(bytes(before) + name)[(0, 2, 3)[before] : (before + len(name)) * 8 // 6] for name in ENCODED_NAMES for before in range(3)
)
ENCODED = rb"[A-Za-z0-9+/]{4,8192}+={0,2}+"
# How far before its mark it may begin.
ENCODED_BEFORE_BYTES = 2048

# A secret access key of AWS beside the id that it belongs to, as in a file of credentials.
AWS_MARKS = (b"AKIA", b"ASIA")
AWS_PAIR = rb"[A-Z0-9]{16}(?:\\*[\"'])?(?:[ \t]*[,;|:][ \t]*|[ \t]+|\r?\n[ \t]*)(?:\\*[\"'])?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"

# A bot's token of Discord whose id is not in base64: three parts of certain lengths. Found at the first dot, so that few places are looked at.
DISCORD_TOLD = rb"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}"
DISCORD = (
    rb"\.(?:" + b"|".join(rb"(?<=(?<![A-Za-z0-9_.-])([MNO][A-Za-z0-9]{%d})\.)" % length for length in (27, 26, 25, 24, 23, 22))
    + rb")[A-Za-z0-9_-]{6}\.([A-Za-z0-9_-]{27,})"
)  # fmt: skip

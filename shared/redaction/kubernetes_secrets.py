"""The values of a Kubernetes Secret: base64 under keys of any name, in YAML or JSON, before or behind its `kind`."""

import re
from collections.abc import Iterator

# Its mark, literally, and what RE2 looks for.
MARK = b"kind"
_KIND = rb"kind\\*[\"']?:[ ]*\\*[\"']?Secret(?:[^A-Za-z]|$)"
_HAS_DATA = rb"data\\*[\"']?:"
TOLD = _KIND + rb"[^\x00]*" + _HAS_DATA + b"|" + _HAS_DATA + rb"[^\x00]*" + _KIND
KIND = rb"kind\\*+[\"']?:[ ]*+\\*+[\"']?Secret(?![A-Za-z])"
_IS_SECRET = re.compile(KIND)
# A Secret may be a megabyte; nearly all are smaller than this.
_MOST_BYTES = 16 * 1024
# The data of an object: entries of JSON, or the lines of YAML below it. A listing of a file has numbers before its lines.
_LINE = rb"(?:[ \t]*+[0-9]++(?:\xe2\x86\x92|\t))?[+-]?[ \t]++"
_DATA = re.compile(
    rb"\bdata\\*+[\"']?:[ \t]*+(?:\{[^{}\x00]*+|\r?\n(?:" + _LINE + rb"[\"']?[\w./-]++[\"']?:[ \t]++[^\r\n]++(?:\r?\n|\Z)?+)++)"
)
_VALUE = re.compile(rb"[\w.-]++\\*+[\"']?:\s*+\\*+[\"']?([A-Za-z0-9+/]{8,}+={0,2}+)(?![^\s\"'\\,}])")
# Another object begins, unless this one has its version behind its kind. With every kind as an edge, no byte is read for more than two of them.
_OWN_VERSION = re.compile(rb"[\s\\\"',]*+(?:[0-9]++(?:\xe2\x86\x92|\t))?apiVersion")
_EDGES = re.compile(rb"apiVersion|\n---|kind")


def values_of(match: re.Match[bytes]) -> Iterator[tuple[int, int]]:
    """The places of the values of the Secret whose kind was matched."""
    text = match.string
    for start, stop in (_before(text, match.start()), _behind(text, match.end())):
        # The text between two Secrets is behind the first.
        if text.find(b"data", start, stop) < 0 or (start < match.start() and _IS_SECRET.match(text, start)):
            continue
        for data in _DATA.finditer(text, start, stop):
            for value in _VALUE.finditer(text, *data.span()):
                # Base64 comes in fours.
                if (value.end(1) - value.start(1)) % 4 == 0:
                    yield value.span(1)


def _before(text: bytes, end: int) -> tuple[int, int]:
    start = max(0, end - _MOST_BYTES)
    for edge in (b"kind", b"apiVersion", b"\n---"):
        start = max(start, text.rfind(edge, start, end))
    return start, end


def _behind(text: bytes, start: int) -> tuple[int, int]:
    most = start + _MOST_BYTES
    own = _OWN_VERSION.match(text, start, most)
    edge = _EDGES.search(text, own.end() if own else start, most)
    return start, edge.start() if edge else most

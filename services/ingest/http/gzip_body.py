"""Bodies that come compressed. The limit is that of the body as it is then, so that a small one cannot fill the memory."""

import zlib

from services.ingest.http.request_checks import too_large
from shared.http.errors import BadRequest

_GZIP = zlib.MAX_WBITS | 16
# The data behind each is copied. Programs write one.
MAX_MEMBERS = 100


def unzipped(body: bytes, max_bytes: int) -> bytes:
    """The body of a gzip stream, of one member or several. BadRequest if it is no gzip or is cut off; PayloadTooLarge beyond `max_bytes`.

    More than MAX_MEMBERS members are a BadRequest, too: a megabyte of empty ones would take a minute.
    """
    pieces: list[bytes] = []
    left = max_bytes
    while body or not pieces:
        if len(pieces) == MAX_MEMBERS:
            raise BadRequest(f"The body has more than {MAX_MEMBERS} gzip streams; compress it as one.")
        stream = zlib.decompressobj(_GZIP)
        try:
            piece = stream.decompress(body, left + 1)
        except zlib.error as error:
            raise BadRequest("The body is not gzip, as its Content-Encoding says; send it as it is, or compress it.") from error
        if len(piece) > left:
            raise too_large(max_bytes)
        if not stream.eof:
            raise BadRequest("The body is cut off: its gzip stream has no end; send all of it.")
        pieces.append(piece)
        left -= len(piece)
        body = stream.unused_data
    return b"".join(pieces)

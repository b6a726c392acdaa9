"""The one way from a list to its answer: a page as JSON, or all items as a stream of CSV or NDJSON.

`format` decides, or else the `Accept` header. A stream reads page after page, each in a transaction of its own: it holds one page in memory, and
a connection only while it reads. If a page cannot be read, the connection to the client is cut, so that the part does not look like the whole.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Annotated, Any, Final, Protocol, get_args, get_origin

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from services.query.answers.answer import Answer, annotations_of, value_type
from services.query.database import Connection, Database
from services.query.http.list_formats import columns_of, csv_encoder, field_of, ndjson
from services.query.http.parameters import RESPONSES, paging
from services.query.http.read_response import BodyAndHeaders, as_of_header, content_and_headers, read_response
from services.query.numbers_only import numbers_only
from services.query.parameters.fields import MOST_ON_A_PAGE, ListFormat, Paged
from services.query.queries.lists.paging import Paging
from shared.auth.authentication import grant_of
from shared.auth.keys import Grant
from shared.http.errors import invalid

MEDIA_TYPES: Final[dict[ListFormat, str]] = {"json": "application/json", "csv": "text/csv", "ndjson": "application/x-ndjson"}
_CONTENT: Final[dict[str, Any]] = {
    MEDIA_TYPES["csv"]: {"schema": {"type": "string", "description": "A header row, and a row for each item."}},
    MEDIA_TYPES["ndjson"]: {"schema": {"type": "string", "description": "A JSON object a line, one for each item."}},
}
# The answers of a list.
LIST_RESPONSES: Final[dict[int | str, dict[str, Any]]] = RESPONSES | {200: RESPONSES[200] | {"content": _CONTENT}}

_BY_MEDIA_TYPE: Final[dict[str, ListFormat]] = {media_type: name for name, media_type in MEDIA_TYPES.items()} | {
    "application/ndjson": "ndjson"
}


class ListPage(Protocol):
    """A page of any list."""

    @property
    def items(self) -> Sequence[Any]: ...
    @property
    def next_cursor(self) -> str | None: ...


ReadPage = Callable[[Connection, Paging], ListPage]


def list_response(
    request: Request,
    parameters: Paged,
    read: ReadPage,
    *,
    to_body: BodyAndHeaders[Any] | None = None,
    from_primary: bool = False,
    hides_texts: bool = True,
) -> Response:
    """Answers the page that `read` gives for a Paging, or all pages. The other arguments are those of `read_response`."""
    wanted = format_of(request, parameters.format)
    paged = paging(request, parameters)
    if wanted == "json":
        if paged.limit > MOST_ON_A_PAGE:
            raise invalid("limit", f"Input should be less than or equal to {MOST_ON_A_PAGE}")
        return read_response(
            request,
            lambda connection: read(connection, paged),
            to_body=to_body,
            from_primary=from_primary,
            hides_texts=hides_texts,
        )
    pages = _Pages(request, read, paged, parameters.limit, from_primary=from_primary, hides_texts=hides_texts)
    # Read before the answer begins, so that a failure has its status.
    first = next(pages)
    return table_response(request, wanted, first, pages, headers=pages.headers)


def report_response(
    request: Request, asked: ListFormat | None, read: Callable[[Connection], Answer], *, rows: str, leading: Collection[str] = ()
) -> Response:
    """A report as JSON; or its list `rows` alone, as CSV or NDJSON. `leading` are fields that are the first columns."""
    wanted = format_of(request, asked)
    if wanted == "json":
        return read_response(request, read)
    body, headers = content_and_headers(request, read)
    [model] = get_args(value_type(annotations_of(request.scope["route"].response_model)[rows]))
    return table_response(request, wanted, field_of(body, rows), model=model, leading=leading, headers=headers)


def table_response(
    request: Request,
    wanted: ListFormat,
    first: Sequence[Any],
    others: Iterable[Sequence[Any]] = (),
    *,
    model: type[Answer] | None = None,
    leading: Collection[str] = (),
    headers: dict[str, str],
) -> Response:
    """CSV or NDJSON of the first page, and of the others as they are read.

    `model` describes a row; without it, it is that of the route's items. `leading` are the fields in the first columns.
    """
    columns = columns_of([model] if model else _item_models(request), first[0] if first else None, leading)
    encode = ndjson if wanted == "ndjson" else csv_encoder(columns)
    headers = headers | {"Content-Disposition": f'attachment; filename="{_file_name(request)}.{wanted}"', "Vary": "Accept"}
    media_type = MEDIA_TYPES[wanted]
    if request.scope.get("is_head"):
        return Response(headers=headers, media_type=media_type)
    return StreamingResponse((encode(rows) for rows in chain([first], others)), headers=headers, media_type=media_type)


def format_of(request: Request, asked: ListFormat | None) -> ListFormat:
    """The format that the request asks for: by its parameter, else by what it accepts most gladly."""
    if asked is not None:
        return asked
    found: ListFormat = "json"
    best = 0.0
    for part in request.headers.get("accept", "").lower().split(","):
        media_type, _, options = part.partition(";")
        name = _BY_MEDIA_TYPE.get(media_type.strip())
        quality = _quality(options)
        # JSON wins a tie.
        if name is not None and (quality > best or (quality == best and name == "json")):
            found, best = name, quality
    return found


def _quality(options: str) -> float:
    given = re.search(r"(?:^|;)\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)", options)
    return float(given[1]) if given else 1.0


class _Pages(Iterator[Sequence[Any]]):
    """The items of a list, page after page, without texts if the key may see only numbers. `headers` are there after the first page."""

    def __init__(
        self, request: Request, read: ReadPage, paged: Paging, limit: int | None, *, from_primary: bool, hides_texts: bool
    ) -> None:
        self.headers: dict[str, str] = {}
        self._database: Database = request.app.state.database
        self._grant: Grant | None = grant_of(request.scope)
        self._read, self._from_primary = read, from_primary
        self._hides_texts = hides_texts and self._grant is not None and self._grant.sees_only_numbers
        self._kind = _items_of(request)
        self._left = limit
        self._next: Paging | None = paged

    def __next__(self) -> Sequence[Any]:
        if self._next is None:
            raise StopIteration
        most = MOST_ON_A_PAGE if self._left is None else min(self._left, MOST_ON_A_PAGE)
        wanted = Paging(most, self._next.cursor, self._next.fingerprint)
        with self._database.connection(self._grant, from_primary=self._from_primary) as connection:
            if not self.headers:
                self.headers = {"X-Accel-Buffering": "no"} | as_of_header(self._database.data_as_of(connection))
            page = self._read(connection, wanted)
        items = page.items
        if self._left is not None:
            self._left -= len(items)
        is_last = page.next_cursor is None or self._left == 0
        self._next = None if is_last else Paging(most, page.next_cursor, wanted.fingerprint)
        if self._hides_texts and self._grant is not None:
            items = numbers_only(items, self._kind, names=self._grant.sees_names)
        return items


def _items_of(request: Request) -> Any:
    """The type of the route's items together, as `list[Session]`: its answer is such a list, or has it as `items`."""
    answer: Any = request.scope["route"].response_model
    return answer if get_origin(answer) is list else value_type(annotations_of(answer)["items"])


def _item_models(request: Request) -> list[type[Answer]]:
    """The models of the route's items: one, or several that a `kind` tells apart."""
    [kind] = get_args(_items_of(request))
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return list(get_args(kind) or (kind,))


def _file_name(request: Request) -> str:
    """The fixed parts of the route's path: `sessions`, `tool-calls-session`."""
    parts = request.scope["route"].path.strip("/").split("/")
    return "-".join(part for part in parts if part != "api" and not part.startswith("{"))

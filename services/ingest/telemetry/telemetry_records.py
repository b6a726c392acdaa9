"""Records of an export, whether it was JSON or protobuf: what the decoders give, before it is decided what is kept."""

from typing import Final

from msgspec import Struct

# Of an attribute. Lists, maps and bytes are left out: nothing that is kept has them.
Value = str | bool | int | float
Attributes = dict[str, Value]

# Of a sum, as the protocol numbers it; 1 is a delta.
CUMULATIVE: Final = 2


class Record(Struct, frozen=True, kw_only=True):
    """A log record, a metric's point or a span. Times are in nanoseconds since 1970; 0: not known. `name` is the metric's or span's, or the log's body.

    `value` and `temporality` are of a point. A span ends at `time`; it has `span_id` and `parent_id`, in hex. A log has the id of the span in which it was
    written, if traces are on.
    """

    name: str
    time: int
    attributes: Attributes
    start: int = 0
    value: float | None = None
    temporality: int = 0
    span_id: str = ""
    parent_id: str = ""

"""Tables under a line of names."""

from collections.abc import Collection

from rich import box
from rich.table import Table


def headed_table(*names: str, right: Collection[str] = ()) -> Table:
    """An empty table with these columns, of which numbers stand at the `right`. A long text is broken, never cut."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table

"""Memory and CPU of a process and all that it has started, from /proc. A process that has just ended takes nothing."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def descendants(root: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found, queue = list[int](), [root]
    while queue:
        for task in Path(f"/proc/{queue.pop()}/task").glob("*/children"):
            try:
                children = [int(each) for each in task.read_text().split()]
            except _GONE:
                continue
            found += children
            queue += children
    return found


def cpu_seconds(pid: int) -> float:
    """A process' seconds so far, with the children that it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except _GONE:
        return 0
    return sum(map(int, fields[11:15])) / _TICKS


def pss_bytes(pid: int) -> int:
    """Memory of a process: a page that several have counts in parts."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except _GONE:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))

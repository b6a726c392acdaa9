"""Draws docs/pictures/report.svg: `tracker report --week` of the tracker at TRACKER_URL, which has a made-up week (tests/made_up_week.py)."""

import io
import os
import re
import subprocess
import sys

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.flow.conftest import REPOSITORY, TRACKER

WIDTH = 76
PICTURE = REPOSITORY / "docs/pictures/report.svg"

if __name__ == "__main__":
    terminal = {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment = os.environ | terminal | {"PYTHONPATH": str(REPOSITORY)}
    said = subprocess.run([*TRACKER, "report", "--week", *sys.argv[1:]], env=environment, capture_output=True, text=True, check=True)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(said.stdout))
    svg = console.export_svg(title="tracker report --week", theme=MONOKAI)
    # The fonts of the reader's machine, so that the picture loads nothing.
    svg = re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    PICTURE.write_text(svg.replace("<svg ", '<svg xml:space="preserve" ', 1), encoding="utf-8")

"""How `tracker ship` can run. Without imports: every command of `tracker` reads this."""

from typing import Final, Literal

Mode = Literal["until-quiet", "forever", "once"]
# How long `--once` tries.
ONCE_SECONDS: Final = 60.0

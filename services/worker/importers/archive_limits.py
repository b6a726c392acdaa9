"""What an archive may cost, and what went wrong with it: a few bytes can unpack to anything."""

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond any of them the archive is left where it is; what came before is kept."""

    entries: int = 100_000
    unpacked_bytes: int = 64 * 1024 * MEGABYTE
    # Unpacked to packed bytes, looked at once this much is unpacked: text of transcripts packs 5 to 30 times.
    ratio: int = 250
    ratio_from_bytes: int = 64 * MEGABYTE
    # The list of a zip's members is read at once.
    directory_bytes: int = 64 * MEGABYTE


class Unreadable(OSError):
    """The bytes cannot be had. Its text is for a person, and quotes nothing of the file."""


class LimitExceeded(Unreadable):
    """Reading on would cost too much."""


class Budget:
    """Counts what is unpacked over the whole archive."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._unpacked = 0

    def spend(self, unpacked: int, *, unpacked_here: int, packed_here: int) -> None:
        """LimitExceeded if it is too much in all, or too much for the packed bytes it came from."""
        self._unpacked += unpacked
        if self._unpacked > self.limits.unpacked_bytes:
            raise LimitExceeded(f"it unpacks to more than {self.limits.unpacked_bytes} bytes")
        if unpacked_here > self.limits.ratio_from_bytes and unpacked_here > self.limits.ratio * packed_here:
            raise LimitExceeded(f"it unpacks to more than {self.limits.ratio} times its size")

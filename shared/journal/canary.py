"""The canary: an event that the worker sends every few seconds through everything that a user's event goes through, and looks for again.

POST /api/canary is for it alone: whoever sends it shows a token that only who reaches Redis can know.
"""

from typing import Final

PATH: Final = "/api/canary"
PROOF_HEADER: Final = "X-Canary-Token"
PROOF_KEY: Final = "canary:token"
# A hash of the newest canary that came back: `sent_at`, seconds since 1970, and `round_trip_seconds`.
SEEN_KEY: Final = "canary:seen"

"""The canary: an event that the worker sends every few seconds through the whole pipeline, and looks for afterwards.

POST /api/canary accepts nothing else. The sender shows a token from Redis, which clients cannot read.
"""

from typing import Final

PATH: Final = "/api/canary"
PROOF_HEADER: Final = "X-Canary-Token"
PROOF_KEY: Final = "canary:token"
# A hash of the newest canary that came back: `sent_at`, seconds since 1970, and `round_trip_seconds`.
SEEN_KEY: Final = "canary:seen"

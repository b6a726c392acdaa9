"""API keys: their form, their stored hash, and their grants.

`cct_<id>_<secret>`: a key is looked up by its id, which may be shown; the secret is 256 random bits. Only the SHA-256 of the whole is stored.
A fast hash is right here: 2^256 keys cannot be tried out, and a slow hash would slow down every request.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from string import ascii_letters, digits
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "keys.sql")

PREFIX: Final = "cct"
Scope = Literal["ingest", "read", "numbers", "metrics", "admin"]

# Why a service with TRACKER_ACCESS=keys refuses to start.
NO_ADMIN_KEY: Final = (
    "TRACKER_ACCESS=keys, and there is no key with the scope admin yet: make one with `make key` while the tracker runs with TRACKER_ACCESS=open, "
    "or in containers with `docker compose run --rm ingest python -m deploy.keys create --scope admin`, and start it again."
)

_ALPHABET: Final = digits + ascii_letters
_ID_LENGTH: Final = 12
# 62^43 is just more than 2^256.
_SECRET_LENGTH: Final = 43
_SECRET_BITS: Final = 256
_KEY: Final = re.compile(rf"{PREFIX}_(?P<id>[0-9A-Za-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH},64}}", re.ASCII)


class Grant(Struct, frozen=True):
    """The rights of a key. Its writes belong to `user`; its reads see sessions of `users` or shared ones, in `project_ids`. None is not bound.

    A key that is bound to one user has it as both; with several it only reads. A login has the grant of its key, and a `login_id` and `expires_at`
    of its own.
    """

    key_id: str
    scopes: frozenset[Scope]
    user: str | None = None
    project_ids: tuple[int, ...] | None = None
    name: str | None = None
    login_id: str | None = None
    expires_at: datetime | None = None
    users: tuple[str, ...] | None = None

    def allows(self, scopes: frozenset[Scope]) -> bool:
        """Whether the key has one of the scopes. `admin` has all."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(scopes)

    @property
    def sees_only_own_jobs(self) -> bool:
        """Whether the key sees only the import jobs that it started. For bound keys the database enforces it too."""
        return self.is_bound or self.scopes.isdisjoint(("read", "admin"))

    @property
    def is_bound(self) -> bool:
        """Whether it sees only some projects or sessions of some users."""
        return self.project_ids is not None or self.users is not None

    def answering(self, scopes: frozenset[Scope]) -> "Grant":
        """The side of the key that answers where one of these scopes is required.

        A key with `numbers`, and `read` of some users, has two. Where `numbers` would be enough it gives the numbers of all, as
        `numbers` alone does; elsewhere texts of its users' sessions and shared ones. Other keys have one.
        """
        if self.users is None or "numbers" not in scopes or not {"numbers", "read"} <= self.scopes:
            return self
        return replace(self, scopes=frozenset({"numbers"}), users=None)

    @property
    def sees_only_numbers(self) -> bool:
        """Whether texts and paths are hidden from the key."""
        return self.scopes.isdisjoint(("read", "admin"))

    @property
    def sees_names(self) -> bool:
        """Whether it sees names of projects, texts or not."""
        return not self.scopes.isdisjoint(("numbers", "read", "admin"))


class StoredKey(Struct, frozen=True):
    """A key that is not revoked, or a login of one that has not ended, as it is stored."""

    sha256: bytes
    grant: Grant


# The most logins of one key; a further one ends the oldest.
LOGINS_OF_A_KEY: Final = 100

FIND: Final = _SQL.find


def stored_key(row: Mapping[str, Any]) -> StoredKey:
    """A row of FIND."""
    project_ids = None if row["project_ids"] is None else tuple(row["project_ids"])
    scopes = frozenset(row["scopes"])
    user, several = row["user_name"], row["user_names"]
    users = (user,) if user is not None else None if several is None else tuple(several)
    grant = Grant(row["key_id"], scopes, user, project_ids, row["name"], row["login_id"], row["expires_at"], users)
    return StoredKey(bytes(row["sha256"]), grant)


def new_key() -> tuple[str, str]:
    """A new key and its id. The key is shown once and stored nowhere."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
    return f"{PREFIX}_{key_id}_{_base62(secrets.randbits(_SECRET_BITS))}", key_id


def id_of(key: str) -> str | None:
    """The id in a key; None if it does not look like one."""
    found = _KEY.fullmatch(key)
    return found["id"] if found else None


def digest_of(key: bytes) -> bytes:
    """The digest that is stored of a key, and the key of the cache."""
    return sha256(key).digest()


def is_same(kept: bytes, presented: bytes) -> bool:
    """Compares digests in constant time."""
    return hmac.compare_digest(kept, presented)


def _base62(number: int) -> str:
    """43 digits, with zeros in front."""
    found = ""
    for _ in range(_SECRET_LENGTH):
        number, place = divmod(number, len(_ALPHABET))
        found = _ALPHABET[place] + found
    return found

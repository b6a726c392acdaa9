"""The HTTP settings that both services and `make up` share, and the refusal to start open to other machines without API keys."""

import ipaddress
import re
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")

Access = Literal["open", "keys"]
Switch = Literal["on", "off"]


class HttpSettings(BaseSettings):
    """TRACKER_* variables: the clients that may reach the tracker, and the number of requests it serves at once."""

    host: str = Field("127.0.0.1", description="Address at which the tracker can be reached. Any but a loopback address needs API keys.")
    access: Access = Field("open", description="`open`: no API key is needed. `keys`: requests need an API key.")
    behind_gateway: Switch = Field(
        "off",
        description="`on`: the services are behind a gateway in a network of their own, as in the containers,"
        " and may listen on addresses that are not loopback.",
    )
    allowed_hosts: str = Field("", description="Further names that a Host header may have, separated by commas, on any port.")
    cors_origins: str = Field(
        "", description="Origins, separated by commas, whose pages may use the API from a browser: `https://dash.example.org`."
    )
    max_requests: int = Field(
        512,
        ge=1,
        description="Above this many requests in progress a service answers 503. Requests that wait for something slow do not count.",
    )
    max_waits: int = Field(
        256,
        ge=0,
        description="Above this many requests that wait for their outcome (`Prefer: wait`), a further one is answered `queued` at once.",
    )
    max_uploads: int = Field(64, ge=1, description="Above this many uploads of imports at once, a further one is answered 503.")
    max_watchers: int = Field(256, ge=1, description="Above this many watchers of import jobs, a further one is answered 503.")
    max_listeners: int = Field(
        256, ge=1, description="Above this many listeners to the live feed (`GET /api/live`), a query process answers a further one 503."
    )
    max_connections: int = Field(
        2_560,
        ge=1,
        description="Above this many connections an API process closes new ones. It needs as many open files (`ulimit -n`), and 256 more.",
    )

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, text: str) -> str:
        for host in comma_list(text):
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host} is not a host name; give names without scheme and port, as in tracker.lan,10.0.0.5")
        return text

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, text: str) -> str:
        for origin in comma_list(text):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin} is not an origin; give scheme, host and port, as in https://dash.example.org (`*` is not taken)"
                )
        return text


class UnsafeBind(SystemExit):
    """The tracker must not start with these settings. The message says what to do; as a SystemExit it is shown without a traceback."""


def comma_list(text: str) -> tuple[str, ...]:
    """ "A, b" → ("a", "b")."""
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address. The only safe name is "localhost": any other may resolve to any address."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def check_host_setting(settings: HttpSettings) -> None:
    """UnsafeBind if TRACKER_HOST can be reached from other machines and no API key is needed."""
    if settings.access == "open" and not is_loopback(settings.host):
        raise UnsafeBind(
            f"TRACKER_HOST={settings.host} can be reached from other machines, and nobody is asked for a key: make an API key and set "
            "TRACKER_ACCESS=keys, or leave TRACKER_HOST at 127.0.0.1 and come through an SSH tunnel (ssh -L 8000:127.0.0.1:8000 …)."
        )


def check_listen_address(settings: HttpSettings, address: str) -> None:
    """UnsafeBind if a service itself would listen where other machines can reach it, without API keys and without a gateway in front."""
    check_host_setting(settings)
    if settings.access == "open" and settings.behind_gateway == "off" and not is_loopback(address):
        raise UnsafeBind(
            f"{address} can be reached from other machines, and nobody is asked for a key: listen on 127.0.0.1, or make an API key and set "
            "TRACKER_ACCESS=keys. Behind a gateway on a network of its own set TRACKER_BEHIND_GATEWAY=on."
        )

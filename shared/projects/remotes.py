"""The remote of a git repository in one form, so that clones by ssh and by https are the same. Credentials never get into it."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

MAX_LENGTH: Final = 500
_SCHEMES: Final = ("ssh", "git", "https", "http", "git+ssh", "ssh+git")
_DEFAULT_PORTS: Final = (22, 80, 443, 9418)
# git@github.com:acme/shop.git, as scp has it. A letter alone is a drive.
_SCP: Final = re.compile(r"(?:[^@/:]+(?::[^@/]*)?@)?(?P<host>\[[^\]]+\]|[^/:@]{2,}):(?!//|:)(?P<path>.*)", re.DOTALL)
_HOST: Final = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:\[\]-]*")
# Hosts on which names of repositories are the same in any case.
_IGNORE_CASE: Final = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org")


def normalized_remote(url: str) -> str | None:
    """`git@github.com:Acme/shop.git` and `https://u:t@github.com/acme/shop` → `github.com/acme/shop`. None for a folder, and for what is no address."""
    url = url.strip()
    if not url or len(url) > 4 * MAX_LENGTH or not url.isprintable():
        return None
    if "://" in url:
        found = _of_url(url)
    elif scp := _SCP.fullmatch(url):
        found = scp["host"], scp["path"]
    else:
        return None
    if found is None or not _HOST.fullmatch(found[0]):
        return None
    host, path = found[0].lower(), _cleaned(found[1])
    if host in _IGNORE_CASE:
        path = path.lower()
    remote = f"{host}/{path}"
    return remote if path and len(remote) <= MAX_LENGTH else None


def told_remote(text: str) -> str | None:
    """The same of what a client says, which may be in the one form already."""
    return normalized_remote(text) if "://" in text else normalized_remote(text) or normalized_remote(f"https://{text}")


def _of_url(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in _SCHEMES or not host:
        return None
    return host if port in (None, *_DEFAULT_PORTS) else f"{host}:{port}", unquote(parts.path)


def _cleaned(path: str) -> str:
    """Without slashes around it, `.git`, and what follows `?` or `#`, which may hold a token."""
    path = re.split("[?#]", path, maxsplit=1)[0].replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".", "..", "~")]
    return "/".join(parts).removesuffix(".git").rstrip("/")

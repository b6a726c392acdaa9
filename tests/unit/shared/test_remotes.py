"""A remote in one form, whatever the protocol, and never with credentials."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.projects.remotes import normalized_remote, told_remote


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:acme/shop.git",
        "git@github.com:Acme/Shop",
        "github.com:acme/shop.git/",
        "ssh://git@github.com/acme/shop.git",
        "ssh://git@github.com:22/acme/shop",
        "https://github.com/acme/shop",
        "https://github.com/acme/shop.git/",
        "https://ann:ghp_0123456789abcdef@github.com/acme/shop.git",
        "https://x-access-token:secret@GitHub.com:443//acme/shop.git?token=secret#secret",
        "git://github.com/acme/shop.git",
        "git+ssh://git@github.com/acme/shop.git",
    ],
)
def test_all_forms_of_one_repository_are_equal(url: str) -> None:
    assert normalized_remote(url) == "github.com/acme/shop"


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("https://git.example.org/Team/Shop.git", "git.example.org/Team/Shop"),
        ("ssh://git@git.example.org:2222/team/shop", "git.example.org:2222/team/shop"),
        ("git@work:team/shop.git", "work/team/shop"),
        ("https://dev.azure.com/acme/My%20Team/_git/shop", "dev.azure.com/acme/My Team/_git/shop"),
        ("git@[2001:db8::1]:team/shop.git", "[2001:db8::1]/team/shop"),
    ],
)
def test_what_hosts_tell_apart_stays_apart(url: str, remote: str) -> None:
    assert normalized_remote(url) == remote


@pytest.mark.parametrize(
    "url",
    ["", "/srv/git/shop.git", "../shop", "file:///srv/git/shop.git", "C:/src/shop", r"C:\src\shop", "shop", "https://", "https://github.com/", "ext::sh -c x",
     "https://[github.com/a", "https://github.com:x/a", "git@github.com:", "https://a b/c", "x" * 5000, "a@b@c.org:d\n/e"],
)  # fmt: skip
def test_a_folder_and_what_is_no_address_is_no_remote(url: str) -> None:
    assert normalized_remote(url) is None


_NAME = st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True)


@given(user=_NAME, secret=st.from_regex(r"[A-Z]{12}", fullmatch=True), host=_NAME, path=st.lists(_NAME, min_size=1, max_size=4))
def test_no_credential_is_left(user: str, secret: str, host: str, path: list[str]) -> None:
    """given any user and secret before the host, then all forms are the same remote without them."""
    where = "/".join(path)
    plain = normalized_remote(f"https://{host}.org/{where}")
    for url in (f"https://{user}:{secret}@{host}.org/{where}.git", f"https://{secret}@{host}.org/{where}", f"ssh://{user}:{secret}@{host}.org/{where}",
                f"{user}:{secret}@{host}.org:{where}.git", f"https://{host}.org/{where}?private_token={secret}"):  # fmt: skip
        found = normalized_remote(url)
        assert found == plain
        assert secret not in str(found)
    assert told_remote(str(plain)) == plain, "the one form stays as it is"


@pytest.mark.parametrize("told", ["/srv/git/shop.git", "../shop", "file:///srv/git/shop.git", "", "shop"])
def test_a_server_takes_no_folder_for_a_remote(told: str) -> None:
    assert told_remote(told) is None

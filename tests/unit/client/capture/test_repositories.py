"""A folder's repository, as git's own files say it."""

import json
import os
from pathlib import Path

import pytest

from client.capture.repositories import Repositories, body_of, place_of
from tests.unit.client.capture.git_folders import git, repository, worktree

SECRET = "ghp_" + "a1B2c3D4e5F6" * 3


def test_worktrees_have_one_common_folder_and_one_is_the_main_one(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", "git@github.com:acme/shop.git")
    fix = worktree(shop, tmp_path / "elsewhere" / "shop-fix", "fix")

    main, linked, inside = place_of(str(shop)), place_of(str(fix)), place_of(str(fix / "api"))

    common = str(shop / ".git")
    assert main == {"path": str(shop), "common_dir": common, "remote": "github.com/acme/shop", "inside": "", "is_main": True}
    assert linked == {"path": str(fix), "common_dir": common, "remote": "github.com/acme/shop", "inside": "", "is_main": False}
    assert inside == {"path": str(fix / "api"), "common_dir": common, "remote": "github.com/acme/shop", "inside": "api", "is_main": False}


def test_worktrees_with_relative_links_are_found_too(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    fix = worktree(shop, tmp_path / "shop-fix", "fix")
    (fix / ".git").write_text(f"gitdir: {os.path.relpath(shop / '.git' / 'worktrees' / 'shop-fix', fix)}\n")

    assert place_of(str(fix)) == {"path": str(fix), "common_dir": str(shop / ".git"), "inside": "", "is_main": False}


def test_a_submodule_is_a_repository_of_its_own(tmp_path: Path) -> None:
    library = repository(tmp_path / "library")
    shop = repository(tmp_path / "shop", "https://github.com/acme/shop")
    git(shop, "submodule", "add", "-q", str(library), "library")

    found = place_of(str(shop / "library"))

    # Its remote is a folder, so it has none.
    assert found == {
        "path": str(shop / "library"), "common_dir": str(shop / ".git" / "modules" / "library"), "inside": "", "is_main": True,
    }  # fmt: skip


def test_of_a_remote_no_credential_leaves_the_machine(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", f"https://ann:{SECRET}@github.com/acme/shop.git")

    place = place_of(str(shop))

    assert place is not None
    assert place["remote"] == "github.com/acme/shop"
    assert SECRET.encode() not in body_of([place])


@pytest.mark.parametrize(
    ("config", "remote"),
    [
        ('[remote "up"]\n\turl = https://a.org/x\n', "a.org/x"),
        ('[remote "up"]\n\turl = https://a.org/x\n[remote "down"]\n\turl = https://a.org/y\n', None),
        ('[remote "up"]\n\turl = https://a.org/x\n[remote "origin"]\n\turl = https://a.org/y\n', "a.org/y"),
        ('[REMOTE "origin"] url=https://a.org/x ; mine\n', "a.org/x"),
        ('[remote "origin"]\n\tfetch = x\n[branch "m"]\n\turl = https://a.org/x\n', None),
        ('[url "https://ann:x@a.org/"]\n\tinsteadOf = a:\n', None),
        ("\0\xff[", None),
        ("", None),
    ],
)
def test_the_remote_is_origin_or_the_only_one(tmp_path: Path, config: str, remote: str | None) -> None:
    shop = repository(tmp_path / "shop")
    (shop / ".git" / "config").write_text(config)
    place = place_of(str(shop))
    assert place is not None
    assert place.get("remote") == remote


def test_a_folder_that_is_gone_or_in_no_repository_has_no_place(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / ".git").write_text("gitdir: /no/where\n")
    piped = tmp_path / "piped"
    piped.mkdir()
    os.mkfifo(piped / ".git")

    for folder in (plain, broken, piped, tmp_path / "gone"):
        assert place_of(str(folder)) is None, folder


def test_git_is_not_run_and_a_folder_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """given a folder that was looked at, when it is asked for again, then no file is opened."""
    shop = repository(tmp_path / "shop")
    monkeypatch.setenv("PATH", "")
    known = Repositories()
    known.look_at([str(shop)])

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a file is opened")

    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(Path, "is_dir", refused)
    known.look_at([str(shop)] * 1000)


def test_what_is_sent_is_json_of_what_is_known(tmp_path: Path) -> None:
    place = place_of(str(repository(tmp_path / "shop")))
    assert place is not None
    assert json.loads(body_of([place])) == {"repositories": [place]}

"""Real git folders: made by git itself, apart from the settings of whoever runs the tests."""

import os
import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    named = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *named, *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def repository(folder: Path, remote: str | None = None) -> Path:
    """A working tree with a commit and a folder `api`."""
    (folder / "api").mkdir(parents=True)
    (folder / "api" / "main.py").write_text("print()\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "begin")
    if remote is not None:
        git(folder, "remote", "add", "origin", remote)
    return folder


def worktree(of: Path, folder: Path, branch: str) -> Path:
    git(of, "worktree", "add", "-q", "-b", branch, str(folder))
    return folder

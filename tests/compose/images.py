"""The images: those of this tree, and those that an upgrade comes from."""

import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from deploy.containers import compose

TAG, PREVIOUS = "compose-test", "compose-test-previous"
SERVICES = ("ingest", "query", "worker", "flower", "migrate")
BASELINE = "deploy/migrations/schema"
# The sources of an image.
SOURCES = ("deploy/Dockerfile", "deploy/requirements", "deploy/migrations", "services", "shared")


def build() -> str:
    """Those of this tree. Their sizes."""
    _build(compose.REPOSITORY, TAG)
    listed = compose.docker("image", "ls", "--filter", f"reference=claude-code-tracker-*:{TAG}", "--format", "{{.Repository}} {{.Size}}")
    return ", ".join(line.removeprefix("claude-code-tracker-") for line in sorted(listed.splitlines()))


def build_previous() -> str:
    """Those before the last commit that changed them. Where git does not know it, or it had none, this tree's, built again with another label."""
    commit = _commit_before()
    if commit is not None:
        with tempfile.TemporaryDirectory() as folder:
            _unpack(commit, Path(folder))
            try:
                _build(Path(folder), PREVIOUS)
            except compose.ContainersError:
                commit = None
            else:
                return f"of commit {commit[:7]}"
    _build(compose.REPOSITORY, PREVIOUS)
    return "of this tree too: git has no earlier one that can be built"


def remove() -> None:
    """Their names; the layers stay in the engine's cache, where the next build finds them."""
    for tag in (TAG, PREVIOUS):
        names = [f"claude-code-tracker-{service}:{tag}" for service in SERVICES]
        subprocess.run(["docker", "image", "rm", *names], capture_output=True, check=False)


def _build(tree: Path, tag: str) -> None:
    """Its label makes each image another one than that of the other tag, though it may have the same content."""
    for service in SERVICES:
        compose.docker(
            *("build", "--quiet", "--file", str(tree / "deploy/Dockerfile"), "--target", service),
            *("--build-arg", f"REVISION={tag}", "--tag", f"claude-code-tracker-{service}:{tag}", str(tree)),
        )


def _commit_before() -> str | None:
    """The parent of the last commit that changed an image, if there is one that begins with the same baseline, and the tree is a clone.

    Only from one schema to a later one of the same baseline is an upgrade.
    """
    log = subprocess.run(
        ["git", "log", "--max-count=1", "--format=%P", "--", *SOURCES], cwd=compose.REPOSITORY, capture_output=True, text=True, check=False
    )
    parents = log.stdout.split()
    if log.returncode != 0 or not parents:
        return None
    is_same = subprocess.run(["git", "diff", "--quiet", parents[0], "--", BASELINE], cwd=compose.REPOSITORY, check=False).returncode == 0
    return parents[0] if is_same else None


def _unpack(commit: str, folder: Path) -> None:
    packed = folder / "tree.tar"
    subprocess.run(["git", "archive", f"--output={packed}", commit], cwd=compose.REPOSITORY, check=True)
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    os.unlink(packed)

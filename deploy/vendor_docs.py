"""`python -m deploy.vendor_docs [VERSION]`: fetches Swagger UI from npm to services/query/swagger_ui.

Without VERSION it fetches the version of `swagger-ui.lock` and checks its SHA-256. With VERSION it writes the lock anew.
"""

import subprocess
import sys
import tarfile
import tempfile
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / "services/query/swagger_ui"
LOCK: Final = FOLDER / "swagger-ui.lock"
FILES: Final = ("swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css", "LICENSE", "NOTICE")


def main(version: str | None) -> int:
    """0, or 1 if the package is not the one of the lock; then nothing is written."""
    lock = read_lock()
    package = f"{lock['package']}@{version or lock['version']}"
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True)
        archive = Path(folder, packed.stdout.split()[-1])
        digest = sha256(archive.read_bytes()).hexdigest()
        if version is None and digest != lock["sha256"]:
            print(f"{package} has the SHA-256 {digest}; {LOCK.name} says {lock['sha256']}.", file=sys.stderr)  # noqa: T201
            return 1
        contents = _contents(archive)
    for name, content in contents.items():
        (FOLDER / name).write_bytes(content)
    LOCK.write_text(_lock_text(lock["package"], version or lock["version"], digest, contents), encoding="utf-8")
    return 0


def read_lock() -> dict[str, Any]:
    """{package, version, sha256 of the package, files: {name: SHA-256}}."""
    return tomllib.loads(LOCK.read_text(encoding="utf-8"))


def _contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        members = {name: tar.extractfile(f"package/{name}") for name in FILES}
        return {name: member.read() for name, member in members.items() if member is not None}


def _lock_text(package: str, version: str, digest: str, contents: dict[str, bytes]) -> str:
    comment = next(line for line in LOCK.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
    files = "".join(f'"{name}" = "{sha256(content).hexdigest()}"\n' for name, content in contents.items())
    return f'{comment}\npackage = "{package}"\nversion = "{version}"\nsha256 = "{digest}"\n\n[files]\n{files}'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))

"""`python -m tests.fuzz.one NAME FOLDER [libFuzzer's options]`: one target in this process, until its time is over or its contract is broken."""

import sys
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["services", "shared", "python_multipart", "zipfile", "gzip"]):
    from tests.fuzz import ingest, shown, worker

TARGETS = {**ingest.TARGETS, **worker.TARGETS, **shown.TARGETS}


def prepare(name: str, folder: Path) -> list[str]:
    """Writes seeds and dictionary; libFuzzer's arguments for them."""
    target = TARGETS[name]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed[: target.max_bytes])
    dictionary = folder / "words.dict"
    dictionary.write_text("".join(f'"{"".join(f"{chr(92)}x{byte:02x}" for byte in word)}"\n' for word in target.words))
    # A dictionary without words is an error.
    words = [f"-dict={dictionary}"] if target.words else []
    return [str(corpus), *words, f"-max_len={target.max_bytes}", f"-artifact_prefix={folder}/"]


def keeping(check: Callable[[bytes], None], file: Path) -> Callable[[bytes], None]:
    """Writes down what broke the contract. libFuzzer does too, but not where RE2 was loaded beside it."""

    def run(data: bytes) -> None:
        try:
            check(data)
        except BaseException:
            file.write_bytes(data)
            raise

    return run


def main() -> None:
    name, folder, *options = sys.argv[1:]
    check = keeping(TARGETS[name].check, Path(folder) / "broken")
    atheris.Setup([sys.argv[0], *options, *prepare(name, Path(folder))], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

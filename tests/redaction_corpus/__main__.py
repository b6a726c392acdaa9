"""How many secrets of each kind are found, and how many harmless texts change: `python -m tests.redaction_corpus [--missed]`."""

import sys
from collections import Counter

from shared.redaction.redact import redact_text
from tests.bench.report import table
from tests.redaction_corpus import Case, harmless_cases, secret_cases


def is_found(case: Case) -> bool:
    """Whether nothing of its secrets is left."""
    redacted = redact_text(case.text)
    return not any(secret in redacted for secret in case.secrets)


def is_left(case: Case) -> bool:
    """Whether a harmless text stays what it is."""
    return redact_text(case.text) == case.text


def right() -> dict[str, int]:
    """How many of each kind are right; those that were held out are counted twice, once under their own name."""
    counts: Counter[str] = Counter()
    for case, is_right in [*((case, is_found(case)) for case in secret_cases()), *((case, is_left(case)) for case in harmless_cases())]:
        for name in _names(case):
            counts[name] += is_right
    return dict(counts)


def _names(case: Case) -> list[str]:
    sort = "secret" if case.secrets else "harmless"
    return [f"{sort}: {case.kind}", f"{sort}: all", *([f"{sort}: held out"] if case.is_held_out else [])]


def main() -> None:
    """Prints a table by kind; with --missed the texts that are wrong, too."""
    cases = [*secret_cases(), *harmless_cases()]
    counts = right()
    totals = Counter(name for case in cases for name in _names(case))
    print(table(["kind", "texts", "right"], [[name, str(total), str(counts[name])] for name, total in totals.items()]))
    if "--missed" in sys.argv:
        for case in cases:
            if not (is_found if case.secrets else is_left)(case):
                print(f"{case.kind} | {case.text!r}" + ("" if case.secrets else f" → {redact_text(case.text)!r}"))


if __name__ == "__main__":
    main()

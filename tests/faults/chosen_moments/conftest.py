"""Running stacks for the tests of chosen moments: as `make up` has it, and one behind proxies."""

from collections.abc import Iterator

import pytest

from services.worker.maintenance.verify import verify
from tests.faults.checks import IDLE_GAP
from tests.faults.product.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    yield from _running(Stack(tmp_path_factory.mktemp("faults")))


@pytest.fixture(scope="session")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One for all tests that ask for it; each leaves it as it found it."""
    yield from _running(Stack(tmp_path_factory.mktemp("proxied"), proxied=True))


def _running(stack: Stack) -> Iterator[Stack]:
    """Runs inside. After all tests of it, in whichever order, no aggregate has drifted."""
    try:
        stack.start()
        yield stack
        with stack.database() as connection:
            assert not any(verify(connection, IDLE_GAP).values())
    finally:
        code = stack.stop()
    assert code == 0

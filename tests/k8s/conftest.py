"""Each test here is asked of both overlays."""

import pytest

from tests.k8s.manifests import OVERLAYS


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name

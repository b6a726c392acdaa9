"""Disk metrics of the upload store, as a scrape reports them."""

import shutil
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.ingest.imports.store_probe import VOLUME, show_disk
from shared import metrics


def metric(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"volume": VOLUME})


@pytest.fixture(autouse=True)
def nothing_told_before() -> None:
    metrics.DISK_FREE_BYTES.clear()
    metrics.DISK_BYTES.clear()


def test_disk_metrics_are_reported_before_the_upload_folder_exists(tmp_path: Path) -> None:
    show_disk((tmp_path / "not" / "yet").as_uri())
    there = shutil.disk_usage(tmp_path)
    assert metric("tracker_disk_bytes") == there.total
    assert abs((metric("tracker_disk_free_bytes") or 0) - there.free) < 0.05 * there.total


def test_bucket_store_reports_no_disk_metrics() -> None:
    show_disk("s3://bucket/uploads")
    assert metric("tracker_disk_free_bytes") is None

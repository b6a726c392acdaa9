"""A Prometheus of our own beside a running stack: the shipped configuration and rules, whom it asks written down instead of found by DNS.

`python -m tests.deploy.monitoring.prometheus_server --api 127.0.0.1:8000 --flower 127.0.0.1:5555` runs one and says which expressions of the
dashboard and of the alerts give nothing. `--stay` leaves it running, to be looked at.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.deploy.monitoring.sources import FOLDER, alert_expressions, dashboard_expressions

SCRAPE_SECONDS = 2


class Prometheus:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer of its API; ValueError with its reason if it cannot evaluate what was asked."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise ValueError(json.load(refusal)["error"]) from None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def without_data(self, expressions: dict[str, str]) -> dict[str, str]:
        """Those that give nothing now, or only what is not a number."""
        values = {where: [series["value"][1] for series in self.query(expression)] for where, expression in expressions.items()}
        return {where: expressions[where] for where, found in values.items() if not set(found) - {"NaN"}}

    def health(self) -> dict[str, str]:
        """{job: up, down or unknown}"""
        return {target["labels"]["job"]: target["health"] for target in self.get("targets")["activeTargets"]}

    def alerts(self) -> dict[str, str]:
        """{alert: inactive, pending or firing}, of every rule."""
        return {rule["name"]: rule["state"] for group in self.get("rules")["groups"] for rule in group["rules"]}


@contextmanager
def prometheus(listen: str, targets: dict[str, str], key_file: Path | None = None) -> Iterator[Prometheus]:
    """{job: host:port} → a Prometheus that asks them every two seconds. With a key file as with TRACKER_ACCESS=keys."""
    with TemporaryDirectory(prefix="prometheus-") as name:
        folder = Path(name)
        write_configuration(folder, targets, key_file)
        arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={listen}"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(["prometheus", *arguments, "--log.level=warn"], cwd=folder, stderr=log)
        server = Prometheus(f"http://{listen}")
        try:
            wait_for(server, process, folder / "log")
            yield server
        finally:
            process.terminate()
            process.wait(20)


def write_configuration(folder: Path, targets: dict[str, str], key_file: Path | None) -> None:
    """deploy/monitoring as it is, but with named targets, and asked often enough for a test."""
    shutil.copytree(FOLDER / "rules", folder / "rules")
    shipped = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    often = {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(shipped | {"global": often}))
    scrapes = yaml.safe_load((FOLDER / "scrape" / ("keys.yml" if key_file else "open.yml")).read_text(encoding="utf-8"))
    for job in scrapes["scrape_configs"]:
        # The embedded stack's Flower has a port of its own, and there no prefix.
        del job["dns_sd_configs"]
        job.pop("metrics_path", None)
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
        if "authorization" in job:
            job["authorization"] = {"credentials_file": str(key_file)}
    (folder / "scrape.yml").write_text(yaml.safe_dump(scrapes))


def wait_for(server: Prometheus, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when it answers; RuntimeError with its log if it ends instead, or does not within 20 s."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{server.url}/-/ready", timeout=2):
                return
        except OSError as error:
            # Refused, or 503 while it reads its data.
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError(f"Prometheus does not answer: {log.read_text()}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--api", required=True, help="host:port of the stack, or of ingest")
    parser.add_argument("--query", help="host:port of query, if it is another")
    parser.add_argument("--flower", required=True, help="host:port of Flower")
    parser.add_argument("--listen", default="127.0.0.1:9090")
    parser.add_argument("--key-file", type=Path, help="a file with an API key of the scope metrics")
    parser.add_argument("--seconds", type=float, default=60, help="how long to scrape before asking")
    parser.add_argument("--stay", action="store_true", help="leave it running until Ctrl-C")
    asked = parser.parse_args()
    targets = {"ingest": asked.api, "query": asked.query or asked.api, "flower": asked.flower}
    with prometheus(asked.listen, targets, asked.key_file) as server:
        time.sleep(asked.seconds)
        print(server.health(), server.alerts(), sep="\n")
        empty = server.without_data(dashboard_expressions())
        for where, expression in empty.items():
            print(f"nothing: {where}: {expression}")
        for expression in alert_expressions().values():
            server.query(expression)
        while asked.stay:
            time.sleep(1)
    return 1 if empty else 0


if __name__ == "__main__":
    sys.exit(main())

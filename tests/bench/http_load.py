"""How many times a second a server answers one POST: by wrk where it is installed, else by a small client of our own, in a process of its own."""

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

WRK_SCRIPT = """
local file = io.open("{body}", "rb")
wrk.method, wrk.body = "POST", file:read("*a")
wrk.headers["Content-Type"] = "application/json"
"""


class Load(NamedTuple):
    """Requests that were answered with 2xx."""

    requests: int
    a_second: float


def generator() -> str:
    """The program that loads the servers."""
    return "wrk" if shutil.which("wrk") else "own client"


def load(port: int, path: str, body: bytes, *, connections: int, seconds: float) -> Load:
    """Sends the body as often as it is accepted. RuntimeError if an answer is not 2xx."""
    if shutil.which("wrk"):
        return _by_wrk(port, path, body, connections, seconds)
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_by_own_client, (port, path, body, connections, seconds))


def _by_wrk(port: int, path: str, body: bytes, connections: int, seconds: float) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        body_file, script = Path(folder, "body"), Path(folder, "post.lua")
        body_file.write_bytes(body)
        script.write_text(WRK_SCRIPT.format(body=body_file))
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "-s", str(script), f"http://127.0.0.1:{port}{path}"]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{path} did not accept everything: {said}")
    requests, rate = re.search(r"(\d+) requests in", said), re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert requests is not None and rate is not None
    return Load(int(requests[1]), float(rate[1]))


def _by_own_client(port: int, path: str, body: bytes, connections: int, seconds: float) -> Load:
    return asyncio.run(_load(port, request(path, body), connections, seconds))


def request(path: str, body: bytes) -> bytes:
    """A POST as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _load(port: int, sent: bytes, connections: int, seconds: float) -> Load:
    started = time.perf_counter()
    counts = await asyncio.gather(*(_ask_again_and_again(port, sent, started + seconds) for _ in range(connections)))
    return Load(sum(counts), sum(counts) / (time.perf_counter() - started))


async def _ask_again_and_again(port: int, sent: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < until:
        writer.write(sent)
        await answered(reader)
        count += 1
    writer.close()
    return count


async def answered(reader: asyncio.StreamReader) -> None:
    """Reads one answer. RuntimeError if it is not 2xx."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    body = await reader.readexactly(int(length[1]) if length else 0)
    if not head.startswith(b"HTTP/1.1 2"):
        raise RuntimeError((head + body).decode(errors="replace"))

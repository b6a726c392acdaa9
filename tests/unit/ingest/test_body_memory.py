"""Bodies of millions of small values are refused before they take memory. They are read by a process of its own, whose memory is measured."""

import subprocess
import sys

# Sixteen megabytes of a body, some copies of them, and as many values as are allowed.
MOST_MB = 200
CHILD = """
import gzip, resource, sys
from datetime import UTC, datetime
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from services.ingest.capture.write_hooks import lines_of as hooks
from services.ingest.capture.write_readings import _lines as readings
from services.ingest.events.decode import decode_batch, parse
from services.ingest.imports.upload_manifest import _MANIFEST
from services.ingest.http import json_limits
from services.ingest.telemetry.write_telemetry import unzipped
from services.ingest.telemetry import otlp_records
from services.ingest.telemetry.otlp_answers import JSON, PROTOBUF
from shared.http.errors import PayloadTooLarge
from shared.redaction.redacted_lines import redact_lines

NOW = datetime.now(UTC)
MOST = 16 * 1024**2

def filled(before, unit, behind):
    return before + unit * ((MOST - len(before) - len(behind)) // len(unit)) + behind

def varint(number):
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes((*found, number))

CASES = {
    "an array of events": lambda: decode_batch(filled(b"[", b"{},", b"{}]"), False, NOW),
    "an array of numbers": lambda: decode_batch(filled(b"[", b"1,", b"1]"), False, NOW),
    "lines of events": lambda: decode_batch(filled(b"", b"{}\\n", b""), True, NOW),
    "lines of numbers": lambda: decode_batch(filled(b"", b"1\\n", b""), True, NOW),
    "lists in one event": lambda: decode_batch(filled(b'[{"kind":"tool_use","parameters":{"a":[', b"[],", b"[]]}}]"), False, NOW),
    "lines of hooks": lambda: hooks(filled(b"", b"1\\n", b""), b"application/x-ndjson"),
    "readings": lambda: readings(filled(b"[", b"{},", b"{}]"), b"application/json"),
    "JSON of telemetry": lambda: list(otlp_records.logs(filled(b'{"resourceLogs":[', b"{},", b"{}]}"), JSON)),
    "attributes of telemetry": lambda: list(otlp_records.logs(
        filled(b'{"resourceLogs":[{"resource":{"attributes":[', b"{},", b"{}]}}]}"), JSON)),
    "protobuf of empty messages": lambda: list(otlp_records.logs(filled(b"", b"\\x0a\\x00", b""), PROTOBUF)),
    "protobuf of empty attributes": lambda: list(otlp_records.logs(
        b"\\x0a" + varint(4_000_004 + 1 + len(varint(4_000_000))) + b"\\x0a" + varint(4_000_000) + b"\\x0a\\x00" * 2_000_000 + b"\\x12\\x00\\x12\\x00", PROTOBUF)),
    "gzip of empty messages": lambda: list(otlp_records.logs(unzipped(gzip.compress(filled(b"", b"\\x0a\\x00", b"")), MOST), PROTOBUF)),
    "a manifest": lambda: parse(text_of(filled(b'{"files":[', b"[],", b"[]]}")), _MANIFEST),
    "a line of a range": lambda: redact_lines(filled(b'{"token": "a b", "x":[', b"[],", b'[]], "secret": "x"}'), {}),
}

def text_of(body):
    json_limits.check_text(body)
    return body

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name, read in CASES.items():
    try:
        read()
        print(name, "taken", sep="|")
    except PayloadTooLarge as error:
        print(name, error.message, sep="|")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_millions_of_small_values_are_refused_before_they_take_memory() -> None:
    child = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)

    *answers, megabytes = child.stdout.splitlines()

    messages = dict(answer.split("|") for answer in answers)
    # It is redacted as text, not as JSON.
    assert messages.pop("a line of a range") == "taken"
    assert len(messages) == 13
    assert {name: message for name, message in messages.items() if not message.endswith("values; send it in parts.")} == {}
    assert int(megabytes) <= MOST_MB

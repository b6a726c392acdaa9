"""The gateway's limits equal those of the services behind it."""

import re
from pathlib import Path

from services.ingest.events.decode import MAX_BATCH_BYTES
from services.ingest.settings import Settings
from shared.http.response_headers import security_headers
from shared.http.server import MAX_HEAD_BYTES, ClientLimits

GATEWAY = Path(__file__).parent.parent.parent / "deploy" / "gateway"
CONF = (GATEWAY / "nginx.conf").read_text(encoding="utf-8")


def location(opening: str) -> str:
    """The block of one location."""
    found = re.search(rf"location {re.escape(opening)} \{{(.*?)\n        \}}", CONF, re.DOTALL)
    assert found, opening
    return found[1]


def test_body_limits_equal_those_of_the_services() -> None:
    assert re.findall(r"client_max_body_size (\d+);", CONF) == [
        str(MAX_BATCH_BYTES),
        str(Settings.model_fields["max_upload_bytes"].default),
    ]
    assert "client_max_body_size 2147483648;" in location("/api/import/")
    assert "proxy_buffering off;" in location("= /api/live")


def test_head_limits_equal_those_of_the_services() -> None:
    found = re.search(r"large_client_header_buffers (\d+) (\d+)k;", CONF)
    assert found
    assert int(found[1]) * int(found[2]) * 1024 == MAX_HEAD_BYTES
    assert f"client_header_timeout {ClientLimits(max_connections=1).head_seconds:.0f}s;" in CONF


def test_gateway_errors_have_the_services_protective_headers() -> None:
    given = dict(
        re.findall(r'^add_header (\S+) "?(.*?)"? always;$', (GATEWAY / "protection.conf").read_text(encoding="utf-8"), re.MULTILINE)
    )
    expected = {name.decode(): value.decode() for name, value in security_headers([])}
    assert {name.lower(): value for name, value in given.items() if name != "X-Request-ID"} == expected
    own_answers = re.findall(r"location (?:@\w+|= /not-http) \{(.*?)\n        \}", CONF, re.DOTALL)
    assert len(own_answers) == 6
    for own in own_answers:
        assert "internal;" in own
        assert "include /etc/nginx/tracker/protection.conf;" in own


def test_reads_go_to_query_and_everything_else_to_ingest() -> None:
    assert re.search(r"map \$request_method \$service \{\s+default ingest;\s+GET query;\s+HEAD query;\s+\}", CONF)


def test_query_strings_are_not_logged() -> None:
    """A query string may hold what was said; nginx' own error log holds whole request lines."""
    assert re.search(r"^error_log stderr crit;$", CONF, re.MULTILINE)
    logged = re.search(r"log_format failure(.*?);", CONF, re.DOTALL)
    assert logged
    assert not re.search(r"\$(request_uri|request|args|query_string|http_referer)\b", logged[1])
    assert re.findall(r"access_log (\S+)", CONF) == ["/dev/stdout", "off;"]

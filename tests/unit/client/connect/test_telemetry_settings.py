"""Claude Code's telemetry: put into the settings beside what is there, taken out again, and left alone where somebody decided otherwise."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from client.connect.connecting import carry_out, knows_route
from client.connect.disconnecting import disconnect
from client.connect.doctor.machine_checks import check_hooks, check_telemetry
from client.connect.doctor.server_checks import check_signals
from client.connect.places import Places
from client.connect.plan import Extras, Telemetry, plan_connect, telemetry_decided
from client.connect.settings.hook_events import FEW, HookSet, events_of
from client.connect.settings.telemetry import VARIABLES, with_telemetry
from client.http.server import Server
from client.output.display import Quiet
from tests.unit.client.connect.settings_given import READABLE
from tests.unit.client.scripted_server import Scripted, answer

URL = "http://127.0.0.1:8000"
KEY = "cct_secret"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / ".claude").mkdir()
    return Places(tmp_path, tmp_path / ".claude", tmp_path / ".claude-tracker", tmp_path / "managed", {"PATH": "/nowhere"})


def connect(places: Places, telemetry: Telemetry = "put in", token: str | None = KEY, url: str = URL, **extras: Any) -> bool:
    """Whether anything was changed."""
    config = {"url": url, "token": token, "telemetry": False if telemetry == "take out" else None, "hooks": extras.get("hooks")}
    plan = plan_connect(places, None, None, config, extras=Extras(telemetry=telemetry, **extras))
    if plan.is_needed:
        carry_out(plan, places)
    return plan.is_needed


def settings_of(places: Places) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(places.user_settings.read_bytes().decode("utf-8-sig"))
    return value


@pytest.mark.parametrize("before", READABLE.values(), ids=READABLE.keys())
def test_telemetry_is_put_into_any_settings_and_taken_out_again(places: Places, before: bytes | None) -> None:
    if before is not None:
        places.user_settings.write_bytes(before)

    assert connect(places)

    assert settings_of(places)["env"] == {**VARIABLES, "OTEL_EXPORTER_OTLP_ENDPOINT": URL}
    assert not connect(places)
    # Given a change by another program since
    changed = settings_of(places) | {"theme": "dark"}
    places.user_settings.write_text(json.dumps(changed))
    disconnect(places, None, is_dry_run=False, is_yes=True)
    text = (before or b"").decode("utf-8-sig").strip() or "{}"
    assert settings_of(places) == json.loads(text) | {"theme": "dark"}
    assert not places.telemetry_headers.exists()


def test_other_variables_stay_and_one_that_was_changed_since_is_the_persons(places: Places) -> None:
    places.user_settings.write_text('{"env": {"EDITOR": "vi"}}')
    connect(places)
    changed = settings_of(places)
    changed["env"]["OTEL_LOGS_EXPORT_INTERVAL"] = "5000"
    places.user_settings.write_text(json.dumps(changed))

    disconnect(places, None, is_dry_run=False, is_yes=True)

    assert settings_of(places) == {"env": {"EDITOR": "vi", "OTEL_LOGS_EXPORT_INTERVAL": "5000"}}


def test_the_key_is_in_a_private_file_that_a_command_prints(places: Places) -> None:
    connect(places)

    printed = subprocess.run(["sh", "-c", settings_of(places)["otelHeadersHelper"]], capture_output=True, check=True)

    machine_id = json.loads(places.config.read_text())["machine_id"]
    assert json.loads(printed.stdout) == {"X-Tracker-Machine": machine_id, "Authorization": f"Bearer {KEY}"}
    assert KEY not in places.user_settings.read_text()
    assert places.telemetry_headers.stat().st_mode & 0o777 == 0o600
    # And a new key takes the place of the old one
    assert connect(places, token="cct_newer")
    assert json.loads(places.telemetry_headers.read_text())["Authorization"] == "Bearer cct_newer"
    assert connect(places, token=None)
    assert "Authorization" not in json.loads(places.telemetry_headers.read_text())


def test_another_address_takes_the_place_of_the_first(places: Places) -> None:
    places.user_settings.write_text('{"model": "sonnet"}')
    connect(places)

    assert connect(places, url="https://tracker.example.org/team/")

    assert settings_of(places)["env"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://tracker.example.org/team"
    assert connect(places, "take out")
    assert settings_of(places).keys() == {"model", "hooks"}


def test_a_folder_with_an_odd_name_is_no_obstacle(tmp_path: Path) -> None:
    file = tmp_path / 'it\'s "x" $HOME # claude' / "otel-headers.json"
    file.parent.mkdir()
    file.write_text("{}\n")
    helper = json.loads(with_telemetry("{}", URL, file))["otelHeadersHelper"]
    assert subprocess.run(["sh", "-c", helper], capture_output=True, check=True).stdout == b"{}\n"


ELSEWHERE = {
    "an endpoint": {"env": {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.org"}},
    "an endpoint of logs": {"env": {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://collector.example.org"}},
    "another exporter": {"env": {"OTEL_METRICS_EXPORTER": "prometheus"}},
    "switched off": {"env": {"CLAUDE_CODE_ENABLE_TELEMETRY": "0"}},
    "switched on": {"env": {"CLAUDE_CODE_ENABLE_TELEMETRY": "1"}},
    "headers": {"otelHeadersHelper": "/usr/local/bin/headers"},
}


@pytest.mark.parametrize("elsewhere", ELSEWHERE.values(), ids=ELSEWHERE.keys())
@pytest.mark.parametrize("where", ["own", "managed"])
def test_an_exporter_of_somebody_else_is_found_and_doctor_says_what_to_do(places: Places, where: str, elsewhere: dict[str, Any]) -> None:
    file = places.user_settings if where == "own" else places.managed / "managed-settings.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(elsewhere))
    name = next(iter(elsewhere.get("env", elsewhere)))

    assert telemetry_decided(places, None) == f"{name} in {file}"

    connect(places, "leave")
    finding = check_telemetry(places, places.home)
    assert (finding.status, finding.text) == ("warning", f"{name} in {file} says where it goes, so `tracker connect` left it alone")
    assert f"{URL}/v1/logs" in str(finding.cure)
    assert {key: value for key, value in json.loads(file.read_text()).items() if key != "hooks"} == elsewhere


def test_variables_of_a_shell_count_but_not_those_that_our_settings_set(places: Places) -> None:
    def with_variable(name: str, value: str) -> Places:
        return Places(places.home, places.claude, places.capture, places.managed, {"PATH": "/nowhere", name: value})

    own = with_variable("CLAUDE_CODE_ENABLE_TELEMETRY", "1")
    assert telemetry_decided(own, None) == "the variable CLAUDE_CODE_ENABLE_TELEMETRY"
    connect(places)
    # Claude Code hands it on to what it runs.
    assert telemetry_decided(own, None) is None
    assert telemetry_decided(with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://other"), None) is not None
    assert telemetry_decided(with_variable("OTEL_SERVICE_NAME", "shop"), None) is None


def test_doctor_tells_telemetry_that_is_set_up_from_one_that_is_damaged(places: Places) -> None:
    connect(places, "leave")
    assert (check_telemetry(places, places.home).status, check_telemetry(places, places.home).text) == ("warning", "Claude Code sends none")

    connect(places)
    assert check_telemetry(places, places.home).status == "ok"

    places.telemetry_headers.write_text('{"X-Tracker-Machine": "m"}')
    assert check_telemetry(places, places.home).status == "failed"
    connect(places)
    value = settings_of(places)
    del value["env"]["OTEL_LOGS_EXPORTER"]
    places.user_settings.write_text(json.dumps(value))
    finding = check_telemetry(places, places.home)
    assert (finding.status, finding.text) == ("failed", f"{places.user_settings} is not as it should be: OTEL_LOGS_EXPORTER")
    assert connect(places)
    assert check_telemetry(places, places.home).status == "ok"


def test_doctor_says_that_telemetry_is_off_where_a_person_wished_so(places: Places) -> None:
    connect(places)
    connect(places, "take out")
    finding = check_telemetry(places, places.home)
    assert (finding.status, "--no-telemetry" in finding.text) == ("ok", True)


@pytest.mark.parametrize(("status", "is_known"), [(200, True), (400, True), (404, False), (405, False)])
def test_a_server_without_the_routes_is_named(status: int, is_known: bool) -> None:
    with Scripted(answer(status, {"message": "."})) as scripted:
        server = Server(scripted.url, None, Quiet().note)
        assert knows_route(server, "/v1/logs", {}) is is_known
        finding = check_signals(server)
    assert finding.status == ("ok" if is_known else "warning")
    told = "the server has no /v1/logs and /api/readings, so exact durations and refusals and limits and states of processes do not arrive"
    assert finding.text == ("by the server" if is_known else told)


def test_a_server_without_readings_alone_is_named() -> None:
    with Scripted(answer(200, {}), answer(404, {"message": "."})) as scripted:
        finding = check_signals(Server(scripted.url, None, Quiet().note))
    assert finding.text == "the server has no /api/readings, so limits and states of processes do not arrive"


def test_a_key_that_may_send_no_readings_is_named() -> None:
    with Scripted(answer(200, {}), answer(403, {"message": "This key is bound to projects."})) as scripted:
        finding = check_signals(Server(scripted.url, None, Quiet().note))
    assert (finding.status, finding.text) == ("warning", "/api/readings is not for this key: This key is bound to projects.")


def test_few_hooks_are_those_that_fire_for_no_call(places: Places) -> None:
    connect(places, hooks="few")
    assert settings_of(places)["hooks"].keys() == set(FEW) & set(events_of(None))
    assert not any("Tool" in event or "Subagent" in event for event in FEW)
    # And all of them again
    assert connect(places, hooks="all")
    assert settings_of(places)["hooks"].keys() == set(events_of(None))


@pytest.mark.parametrize(
    ("chosen", "telemetry", "hooks", "status", "text"),
    [
        (None, "put in", "few", "ok", "few, in "),
        (None, "take out", "all", "ok", "all, in "),
        (None, "put in", "all", "warning", "all, in "),
        (None, "take out", "few", "warning", "few, in "),
        ("all", "put in", "all", "ok", "all, in "),
        ("few", "take out", "few", "ok", "few, in "),
    ],
)
def test_doctor_knows_which_hooks_are_wanted(
    places: Places, chosen: HookSet | None, telemetry: Telemetry, hooks: HookSet, status: str, text: str
) -> None:
    """`chosen`: what the person said; else telemetry decides."""
    connect(places, telemetry, hooks=hooks)
    config = json.loads(places.config.read_text())
    places.config.write_text(json.dumps(config | {"hooks": chosen}))

    found = check_hooks(places, places.home, None)

    assert (found.status, found.text.startswith(text), str(places.user_settings) in found.text) == (status, True, True)
    assert ("--hooks" in str(found.cure)) == (status == "warning")

"""The checks of `tracker doctor` on this machine, from Claude Code to the shipper."""

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from client.capture.folder import read_object
from client.capture.lock import running_shipper
from client.capture.machine_report import EXPIRING_DAYS, aging, cleanup_days
from client.capture.transcripts.sent import SentLog
from client.capture.transcripts.transcript_files import default_root, scan
from client.connect.claude_program import ClaudeProgram
from client.connect.doctor.findings import Finding, failed, ok, skipped, warning
from client.connect.own_files import hook_of, script_files
from client.connect.places import Places, project_settings
from client.connect.plan import read_state, telemetry_decided
from client.connect.run_program import run_program
from client.connect.settings.hook_events import HOOK_SETS, OLDEST, hook_set_of, hooks_of
from client.connect.settings.hook_switches import brings_hooks, readable_settings, switch_off
from client.connect.settings.own_entries import has_own_hooks, own_hooks_of
from client.connect.settings.settings_files import CannotChange, read_settings
from client.connect.settings.status_line import has_own_status_line
from client.connect.settings.telemetry import HELPER, has_own_telemetry, headers_helper, wanted_variables
from client.history.claude_files import default_paths
from shared import quantities
from shared.quantities import counted

_CONNECT_AGAIN: Final = "Run `tracker connect`."
_OLD_SECONDS: Final = 60
_PROGRAM_SECONDS: Final = 30


def check_claude(claude: ClaudeProgram | None) -> Finding:
    """The program is there, and new enough."""
    step = "Claude Code"
    if claude is None:
        return warning(
            step, "there is no `claude` in PATH", "If Claude Code runs inside an editor only, nothing is wrong; else install it."
        )
    if claude.version is None:
        return warning(step, f"{claude.path} does not tell its version", "Run `claude --version`, and repair what it says.")
    version = ".".join(map(str, claude.version))
    if claude.version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return failed(step, f"{version} is older than {oldest}", "Run `claude update`.")
    return ok(step, f"{version} at {claude.path}")


def check_switches(places: Places, folder: Path) -> Finding:
    """Nothing switches hooks off."""
    step = "Hooks allowed"
    reason = switch_off(places, folder)
    if reason is None:
        return ok(step, "no setting switches hooks off")
    text, _, cure = reason.partition(". ")
    return failed(step, text, cure or "Ask your administrator.")


def _settings_files(places: Places, folder: Path) -> list[Path]:
    """The files that may have entries of this program: settings of the person, of the project, and those that it has changed."""
    return list(dict.fromkeys([places.user_settings, project_settings(folder), *map(Path, read_state(places).files)]))


def check_hooks(places: Places, folder: Path, claude: ClaudeProgram | None) -> Finding:
    """The hooks are installed once, and are those of this version."""
    step = "Hooks installed"
    try:
        files = [read_settings(path) for path in _settings_files(places, folder)]
    except CannotChange as error:
        text, _, cure = str(error).partition(". ")
        return failed(step, text, cure)
    in_settings = [settings for settings in files if has_own_hooks(settings)]
    if not in_settings:
        managed = brings_hooks(places, folder)
        return failed(step, "there are none", _CONNECT_AGAIN) if managed is None else ok(step, f"by {managed}")
    where, own = in_settings[0].path, own_hooks_of(in_settings[0])
    version = None if claude is None else claude.version
    found = next((each for each in HOOK_SETS if own == hooks_of(hook_of(places), version, each)), None)
    if found is None or any(change.is_needed for change in script_files(places)):
        return failed(step, f"in {where}, of another version of `tracker`", _CONNECT_AGAIN)
    has_telemetry = any(has_own_telemetry(settings.value) for settings in files) and telemetry_decided(places, folder) is None
    wanted = hook_set_of(read_object(places.config).get("hooks"), has_telemetry=has_telemetry)
    if found == wanted:
        return ok(step, f"{found}, in {where}")
    if found == "all":
        return warning(
            step, f"all, in {where}; few are enough with telemetry, and cost less", f"{_CONNECT_AGAIN} `--hooks all` keeps them."
        )
    return warning(step, f"few, in {where}; without telemetry they tell no exact durations", f"{_CONNECT_AGAIN} `--hooks few` keeps them.")


def check_telemetry(places: Places, folder: Path) -> Finding:
    """Claude Code sends its telemetry here, with the key of the configuration; or somebody has decided otherwise."""
    step = "Telemetry"
    config = read_object(places.config)
    own = [(path, value) for path, value in readable_settings(_settings_files(places, folder)) if has_own_telemetry(value)]
    if config.get("telemetry") is False and not own:
        return ok(step, "none, as `tracker connect --no-telemetry` said; exact durations and refusals come with `--hooks all` alone")
    if config.get("only") and not own:
        return ok(step, "none, since Claude Code takes it from a person's settings alone, and only some projects are connected")
    if (where := telemetry_decided(places, folder)) is not None:
        if own:
            return warning(
                step, f"{where} changes what `tracker connect` set up", f"Remove {where}, or run `tracker connect --no-telemetry`."
            )
        return warning(
            step,
            f"{where} says where it goes, so `tracker connect` left it alone",
            f"Let what receives it send it on to {config.get('url')}/v1/logs and /v1/metrics, or remove that and run `tracker connect`.",
        )
    if not own:
        return warning(
            step, "Claude Code sends none", f"{_CONNECT_AGAIN} Without it, exact durations and refusals come with `--hooks all` alone."
        )
    path, value = own[0]
    endpoint = str(config.get("url", "")).rstrip("/")
    missing = [name for name, wanted in wanted_variables(endpoint).items() if value.get("env", {}).get(name) != wanted]
    if value.get(HELPER) != headers_helper(places.telemetry_headers, endpoint):
        missing.append(HELPER)
    if missing:
        return failed(step, f"{path} is not as it should be: {', '.join(missing)}", _CONNECT_AGAIN)
    token = config.get("token")
    headers = read_object(places.telemetry_headers)
    if headers.get("Authorization") != (f"Bearer {token}" if token else None) or "X-Tracker-Machine" not in headers:
        return failed(step, f"{places.telemetry_headers} has not the key of {places.config}", _CONNECT_AGAIN)
    return ok(step, f"to {endpoint}, by {path}")


def check_status_line(places: Places, folder: Path) -> Finding:
    """The status line keeps readings, or nobody wished for that."""
    step = "Status line"
    own = [path for path, value in readable_settings(_settings_files(places, folder)) if has_own_status_line(value)]
    if not own:
        return ok(step, "not connected; `tracker connect --statusline` does that")
    times = [path.stat().st_mtime for path in (places.capture / "readings").glob("*")]
    last = f"the last reading {quantities.age(time.time() - max(times))} ago" if times else "no reading yet"
    return ok(step, f"by {own[0]}; {last}")


def check_trust(places: Places, folder: Path) -> Finding:
    """A session with a terminal runs no hooks in a folder that the person has not trusted yet."""
    step = "Folder trusted"
    _, name = default_paths(places.environment, places.home)
    try:
        projects = json.loads(name.read_bytes()).get("projects", {})
    except (OSError, ValueError, AttributeError):
        return skipped(step, f"{name} cannot be read")
    for above in (folder, *folder.parents):
        entry = projects.get(str(above)) if isinstance(projects, dict) else None
        if isinstance(entry, dict) and entry.get("hasTrustDialogAccepted") is True:
            return ok(step, str(above))
    return warning(
        step, f"{folder} is not", "Start `claude` there once, and say that you trust it; until then its hooks run with `claude -p` only."
    )


def check_config(places: Places) -> Finding:
    """The configuration is there, and private."""
    step = "Configuration"
    if not places.config.is_file():
        return failed(step, f"there is no {places.config}", _CONNECT_AGAIN)
    config = read_object(places.config)
    if not isinstance(config.get("url"), str):
        return failed(step, f"{places.config} has no address of a server", _CONNECT_AGAIN)
    if places.config.stat().st_mode & 0o077:
        return warning(
            step, f"others can read {places.config}, which may hold a key", f"Run `chmod 600 {shlex.quote(str(places.config))}`."
        )
    return ok(step, f"{config['url']}, in {places.config}")


def check_command(places: Places) -> Finding:
    """The program that the hook starts is there: its clone was not moved, its Python not removed."""
    step = "tracker"
    try:
        script = places.ship.read_text()
    except OSError:
        return failed(step, f"there is no {places.ship}, by which the hook starts it", _CONNECT_AGAIN)
    found = re.search(r"^\[ -x (.+) \] && exec (.+) ship ", script, re.MULTILINE)
    command = shlex.split(found[2]) if found else []
    if not command or not os.access(command[0], os.X_OK):
        return failed(step, f"{command[0] if command else places.ship} is gone", "Run `tracker connect` where `tracker` is now.")
    try:
        ended = run_program([*command, "--version"], places.environment, _PROGRAM_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return failed(step, f"{command[0]} does not run: {error}", "Run `make up` in its folder, which repairs its Python.")
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines()
        return failed(
            step, f"{command[0]} fails: {said[-1] if said else ended.returncode}", "Run `make up` in its folder, which repairs its Python."
        )
    return ok(step, f"{ended.stdout.strip().removeprefix('tracker ')} at {command[0]}")


def check_spool(places: Places) -> Finding:
    """Nothing waits for long in the spool."""
    step = "Spool"
    if (places.capture / "full").exists():
        return failed(
            step, f"{places.spool} is full: hooks are dropped until it is sent", "See the next steps for what keeps it from being sent."
        )
    try:
        times = [path.stat().st_mtime for path in places.spool.iterdir()]
    except FileNotFoundError:
        return ok(step, "empty")
    except OSError as error:
        return failed(
            step, f"{places.spool} cannot be read ({error.strerror})", f"Run `chmod -R u+rwX {shlex.quote(str(places.capture))}`."
        )
    age = time.time() - min(times, default=time.time())
    if age > _OLD_SECONDS:
        text = f"{counted(len(times), 'hook')} wait, the oldest for {quantities.age(age)}"
        return failed(step, text, "Look at the shipper and the server below; what waits is sent when they work.")
    return ok(step, f"{counted(len(times), 'hook')} waiting" if times else "empty")


def check_shipper(places: Places) -> Finding:
    """The shipper runs, or ended without an error: a hook starts it."""
    step = "Shipper"
    status = read_object(places.capture / "status.json")
    error = status.get("last_error")
    if error:
        cure = (
            "Run `tracker connect --token KEY` with a key that is valid." if status.get("is_key_refused") else "It tries again by itself."
        )
        return failed(step, f"last error: {error}", cure)
    if not status:
        return warning(
            step, f"it has not run yet, or wrote no {places.capture / 'status.json'}", "Run `tracker ship --once`, and read what it says."
        )
    sent = status.get("sent_at")
    when = f", sent last {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(sent))}" if isinstance(sent, (int, float)) else ""
    is_running = running_shipper(places.capture) is not None
    return ok(step, ("runs" if is_running else "has nothing to send, a hook starts it") + when + _erased(status))


def _erased(status: dict[str, Any]) -> str:
    """The files and hooks that the server has refused, since they were erased there."""
    files, hooks = (number if isinstance(number := status.get(name), int) else 0 for name in ("files_erased", "hooks_erased"))
    if not files and not hooks:
        return ""
    return f"; {counted(files, 'transcript')} and {counted(hooks, 'hook')} refused, as erased on the server"


def check_sweep(places: Places) -> Finding:
    """No transcript that Claude Code deletes within days is unsent."""
    step = "Transcripts"
    root = default_root(places.environment, places.home)
    log = SentLog(places.capture)
    transcripts = list(scan(root))
    unsent = [each for each in aging(transcripts) if (each.size, each.mtime_ns) != (log.get(each.path).size, log.get(each.path).mtime_ns)]
    if unsent:
        text = f"within {EXPIRING_DAYS} days Claude Code deletes {counted(len(unsent), 'transcript')} not yet sent"
        return failed(step, text, "Run `tracker ship --once`, or `tracker import`.")
    return ok(
        step,
        f"{counted(len(transcripts), 'transcript')}; Claude Code keeps them and its prompt history for {cleanup_days(root)} days, the tracker for good",
    )


def check_wsl(environment: Mapping[str, str], windows_users: Path = Path("/mnt/c/Users")) -> Finding:
    """Under WSL: Claude Code on Windows has settings of its own."""
    step = "WSL and Windows"
    if not environment.get("WSL_DISTRO_NAME"):
        return ok(step, "no WSL")
    try:
        there = [path.parent for path in windows_users.glob("*/.claude/projects")]
    except OSError:
        there = []
    if not there:
        return ok(step, "Claude Code is in WSL only")
    return warning(step, f"Claude Code on Windows has settings of its own in {there[0]}", "Run `tracker connect` on Windows too.")

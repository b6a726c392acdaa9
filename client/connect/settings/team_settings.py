"""`tracker connect --print-settings`: hooks and telemetry for the settings of a team, which need nothing installed but curl."""

import json
import shlex
from typing import Any, Final

from client.connect.places import Places
from client.connect.settings.hook_events import MARK, Version, hooks_of, shell_hook
from client.connect.settings.telemetry import HELPER, wanted_variables

_ENDS_AFTER_SECONDS: Final = 10

# Where this person connected too, their own hook does the work. A script without hooks (an administrator allows only managed
# ones) is used from here. Else curl sends the payload in the background, where sh gives it no standard input. The key is in no
# list of processes. The address is no variable: the settings of a project can set those, and the key is each person's own.
_COMMAND: Final = """\
f="$HOME/.claude-tracker"
test -e "$f/connected.json" && exit 0
test -r "$f/hook.sh" && exec /bin/sh "$f/hook.sh"
key=
test -n "$TRACKER_TOKEN" && key="header = \\"Authorization: Bearer $TRACKER_TOKEN\\""
exec 4<&0
curl -s -m SECONDS -K /dev/fd/3 --data-binary @- ADDRESS"/api/hooks${USER:+?user=$USER}" <&4 >/dev/null 2>&1 3<<EOF &
header = "Content-Type: application/json"
$key
EOF
exit 0 MARK"""
# The key of a person who connected too goes to the address that it is for, as `connect` wrote it down.
_HEADERS: Final = """\
f="$HOME/.claude-tracker"
if test -n "$TRACKER_TOKEN"; then printf '{"Authorization":"Bearer %s"}' "$TRACKER_TOKEN"
elif grep -qF '"url": "'ADDRESS'"' "$f/config.json" 2>/dev/null; then cat "$f/otel-headers.json"
else echo "{}"
fi MARK"""


def team_settings(url: str, version: Version | None, *, has_telemetry: bool) -> dict[str, Any]:
    """Settings with the server's address. The key is each person's own, in TRACKER_TOKEN. All hooks: there is no shipper for transcripts."""
    address = url.rstrip("/")
    command = _COMMAND.replace("SECONDS", str(_ENDS_AFTER_SECONDS)).replace("MARK", MARK).replace("ADDRESS", shlex.quote(address))
    settings: dict[str, Any] = {"env": {"TRACKER_URL": address}, "hooks": hooks_of(shell_hook(command), version)}
    if has_telemetry:
        settings["env"] |= wanted_variables(address)
        settings[HELPER] = _HEADERS.replace("ADDRESS", shlex.quote(address)).replace("MARK", f"{MARK} {address}")
    return settings


def settings_text(url: str, version: Version | None, *, has_telemetry: bool = True) -> str:
    """The settings as JSON."""
    return json.dumps(team_settings(url, version, has_telemetry=has_telemetry), indent=2, ensure_ascii=False)


def where_they_go(places: Places) -> str:
    """One line for a person."""
    return (
        f"Put this into .claude/settings.json of a project, or into {places.managed / 'managed-settings.json'} for a whole machine. "
        "Of a project's, newer versions of Claude Code take the hooks and no telemetry. "
        "Each person sets TRACKER_TOKEN to a key of their own (`tracker keys create --scope ingest --user NAME`)."
    )

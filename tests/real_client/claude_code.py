"""The real Claude Code in a home of its own. Nothing of another Claude Code leaks in: the environment is empty but for what is listed here."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.flow.conftest import REPOSITORY, TRACKER, Stack
from tests.real_client.messages_api import MessagesApi, Turn
from tests.skips import CLAUDE

# All but PermissionRequest, which may only be registered by who answers it.
HOOKS = (
    *("SessionStart", "SessionEnd", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch"),
    *("PermissionDenied", "Stop", "StopFailure", "SubagentStart", "SubagentStop", "PreCompact", "PostCompact", "Notification"),
    *("TaskCreated", "TaskCompleted", "CwdChanged", "WorktreeCreate", "WorktreeRemove"),
)
# Writes what it is given into a file of its own, named by the time in nanoseconds.
_RECORD = 'umask 077; file="$HOME/recorded-hooks/$(date +%s%N)-$$"; cat > "$file" && mv "$file" "$file.json"'
_KEY = "sk-ant-fake-000"
RUN_SECONDS = 180
SCREEN_SECONDS = 60

Tracker = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Run:
    """One `claude -p` that has ended: its session, what it printed, how long it took."""

    session_id: str
    answer: dict[str, Any]
    seconds: float


@dataclass
class ClaudeHome:
    """A person's HOME with Claude Code in it, and a project folder. `environment` is added to that of every run."""

    path: Path
    api: MessagesApi
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        return self.path / "shop"

    @property
    def capture(self) -> Path:
        """The tracker's folder."""
        return self.path / ".claude-tracker"

    @property
    def settings_file(self) -> Path:
        return self.path / ".claude/settings.json"

    def prepare(self) -> None:
        """Writes the files of a Claude Code that has been used before, and a repository as the project."""
        for folder in (self.project, self.path / ".claude", self.path / "recorded-hooks"):
            folder.mkdir(parents=True, exist_ok=True)
        trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        state = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [_KEY], "rejected": []},
            "projects": {str(self.project): trusted},
        }
        (self.path / ".claude.json").write_text(json.dumps(state))
        self.allow("Bash", "Write", "Edit", "Read", "Agent")
        for command in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "Begin"]):
            subprocess.run(["git", *command], cwd=self.project, env=self.claude_environment(), check=True)

    def allow(self, *tools: str) -> None:
        """Writes settings in which these tools need no permission. For all others a person is asked, which newer versions do not by themselves."""
        self.settings_file.write_text(json.dumps({"permissions": {"allow": tools, "defaultMode": "default"}}))

    def allow_also(self, *tools: str) -> None:
        """The same in settings that have more in them, as those of a home that is connected. The others are not allowed any more."""
        settings = json.loads(self.settings_file.read_text())
        settings["permissions"] = {"allow": tools, "defaultMode": "default"}
        self.settings_file.write_text(json.dumps(settings))

    def record_hooks(self, names: Sequence[str] = HOOKS) -> None:
        """Registers hooks that write their payloads into `recorded-hooks`."""
        settings = json.loads(self.settings_file.read_text())
        settings["hooks"] = {name: [{"hooks": [{"type": "command", "command": _RECORD}]}] for name in names}
        self.settings_file.write_text(json.dumps(settings))

    def recorded_hooks(self) -> list[tuple[float, dict[str, Any]]]:
        """(Unix time, payload) of all hooks so far, in order."""
        files = sorted((self.path / "recorded-hooks").glob("*.json"), key=lambda file: int(file.name.partition("-")[0]))
        return [(int(file.name.partition("-")[0]) / 1e9, json.loads(file.read_text())) for file in files]

    def transcripts(self) -> list[Path]:
        """All transcripts, those of subagents too."""
        return sorted((self.path / ".claude/projects").rglob("*.jsonl"))

    def run(
        self,
        prompt: str,
        turns: Sequence[Turn] = (),
        *arguments: str,
        agents: Mapping[str, Sequence[Turn]] | None = None,
        folder: Path | None = None,
    ) -> Run:
        """`claude -p` to its end. AssertionError if it fails."""
        assert CLAUDE is not None
        self.api.script(turns, agents)
        started = time.monotonic()
        command = [CLAUDE, "-p", prompt, "--output-format", "json", *arguments]
        ended = subprocess.run(
            command,
            cwd=folder or self.project,
            env=self.claude_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        seconds = time.monotonic() - started
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        answer = json.loads(ended.stdout)
        return Run(answer["session_id"], answer, seconds)

    @contextmanager
    def started(
        self, prompt: str, turns: Sequence[Turn] = (), *arguments: str, agents: Mapping[str, Sequence[Turn]] | None = None
    ) -> Iterator["subprocess.Popen[str]"]:
        """`claude -p` while it runs, in a process group of its own. It is killed with all that it started, if it has not ended itself."""
        assert CLAUDE is not None
        self.api.script(turns, agents)
        process = subprocess.Popen(
            [CLAUDE, "-p", prompt, "--output-format", "json", *arguments],
            cwd=self.project,
            env=self.claude_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def wait_for_hook(self, name: str, seconds: float = RUN_SECONDS) -> dict[str, Any]:
        """The first payload of such a hook, once it is recorded. AssertionError if there never is one."""
        until = time.monotonic() + seconds
        while not (found := [payload for _, payload in self.recorded_hooks() if payload["hook_event_name"] == name]):
            assert time.monotonic() < until, f"no {name}"
            time.sleep(0.05)
        return found[0]

    @contextmanager
    def terminal(self, *arguments: str, folder: Path | None = None) -> Iterator["Terminal"]:
        """Claude Code as a person sees it, in tmux. It is ended, if it has not ended itself."""
        assert CLAUDE is not None
        terminal = Terminal(f"tracker-test-{uuid4().hex}", self.claude_environment() | {"TERM": "xterm-256color"})
        terminal.start([CLAUDE, *arguments], folder or self.project)
        try:
            terminal.wait_for("❯|>")
            yield terminal
        finally:
            terminal.end()

    def claude_environment(self) -> dict[str, str]:
        """All variables that Claude Code has here."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "LANG": "C.UTF-8",
            # Root may run it too, as in a container.
            "IS_SANDBOX": "1",
            "ANTHROPIC_BASE_URL": self.api.url,
            "ANTHROPIC_API_KEY": _KEY,
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            **{
                f"GIT_{who}_{what}": value
                for who in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", "Ann"), ("EMAIL", "ann@example.org"))
            },
            **self.environment,
        }


@dataclass
class Terminal:
    """A screen of 200 × 50 characters, in a tmux server of its own."""

    name: str
    environment: dict[str, str]

    def start(self, command: Sequence[str], folder: Path) -> None:
        # A shell stays when the command ends, so that the last screen can be read.
        words = " ".join(f"'{word}'" for word in command)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "50", "-c", str(folder), f"{words}; echo ended; cat")

    def type(self, text: str, *keys: str) -> None:
        """Types a text and presses Enter, or the keys."""
        # A client that has just begun takes no keys yet.
        until = time.monotonic() + SCREEN_SECONDS
        while True:
            # On a busy machine, what was typed before may still stand there.
            self._tmux("send-keys", "C-u")
            self._tmux("send-keys", "-l", text)
            # A text that comes with its Enter is taken for a paste.
            time.sleep(0.3)
            if text[:20] in self.screen() or time.monotonic() > until:
                break
        self.press(*(keys or ("Enter",)))

    def press(self, *keys: str) -> None:
        """Presses keys by their tmux names: Enter, Escape, C-d."""
        self._tmux("send-keys", *keys)

    def say_no(self) -> None:
        """Answers the question for a permission that is on the screen. Where "No" stands depends on the version."""
        found = re.search(r"(\d)\. No", self.wait_for(r"\d\. No"))
        assert found is not None
        self.press(found[1])
        # A key that comes together with the question only chooses the line.
        until = time.monotonic() + SCREEN_SECONDS
        while re.search(r"\d\. No", self.screen()) and time.monotonic() < until:
            time.sleep(0.5)
            if re.search(r"\d\. No", self.screen()):
                self.press("Enter")

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait_for(self, pattern: str, seconds: float = SCREEN_SECONDS) -> str:
        """The screen as soon as it shows the pattern. AssertionError if it never does."""
        until = time.monotonic() + seconds
        while not re.search(pattern, screen := self.screen()):
            assert time.monotonic() < until, f"{pattern} is not on the screen:\n{screen}"
            time.sleep(0.1)
        return screen

    def end(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self.name, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout


def tracker_environment(home: ClaudeHome, stack: Stack) -> dict[str, str]:
    """That of this home's person, with Claude Code on the PATH."""
    assert CLAUDE is not None
    return {
        **home.claude_environment(),
        "PATH": f"{Path(CLAUDE).parent}{os.pathsep}{os.environ['PATH']}",
        "TRACKER_URL": str(stack.http.base_url),
        "PYTHONPATH": str(REPOSITORY),
    }


def tracker_of(home: ClaudeHome, stack: Stack) -> Tracker:
    environment = tracker_environment(home, stack)

    def run(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        command = [*TRACKER, *arguments]
        return subprocess.run(
            command, cwd=home.project, env=environment | changes, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def prompts(stack: Stack, session_id: str) -> list[str]:
    items = stack.http.get("/api/conversations", params={"session_id": session_id}).json()["items"]
    return [item["content"] for item in items if item["role"] == "user"]

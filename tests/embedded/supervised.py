"""A supervisor over small services, for test_supervisor.py: `python -m tests.embedded.supervised <folder> <service> …`."""

import signal
import subprocess
import sys
from pathlib import Path

from deploy.embedded.supervision import processes
from deploy.embedded.supervision.child import Service
from deploy.embedded.supervision.processes import StartError
from deploy.embedded.supervision.supervisor import StopRequested, Supervisor

# Ends when asked, and writes its name down.
_STEADY = """
import pathlib, signal, sys
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
(folder / f"{name}.ready").touch()
signal.sigwait([signal.SIGTERM])
with (folder / "ended").open("a") as file: file.write(name + "\\n")
"""
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + _STEADY.replace(
    "signal.sigwait([signal.SIGTERM])", "signal.pause()"
)
_PARENT = (
    "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); open(sys.argv[1] + '/grandchild', 'w').write(str(child.pid))"
    + _STEADY
)
_BROKEN = "raise SystemExit(3)"
# Gets ready each time, and fails then.
_FAILING = "import pathlib, sys; pathlib.Path(sys.argv[1], sys.argv[2] + '.ready').touch(); raise SystemExit(3)"
# Services that the others can do without.
_SPARE = {"spare", "failing"}
_PROGRAMS = {
    "steady": _STEADY,
    "second": _STEADY,
    "stubborn": _STUBBORN,
    "parent": _PARENT,
    "broken": _BROKEN,
    "spare": _BROKEN,
    "failing": _FAILING,
}


def service(folder: Path, name: str) -> Service:
    """One of the small services."""
    ready, log_file = folder / f"{name}.ready", folder / f"{name}.log"

    def launch() -> subprocess.Popen[bytes]:
        ready.unlink(missing_ok=True)
        return processes.spawn([sys.executable, "-c", _PROGRAMS[name], folder, name], log_file=log_file)

    pid_file = folder / f"{name}.pid"
    return Service(name, launch, ready.exists, log_file, pid_file, signal.SIGTERM, 30, is_vital=name not in _SPARE)


def main() -> int:
    """Runs them until a signal."""
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    supervisor = Supervisor(lambda sentence: print(sentence, flush=True))
    supervisor.install_signals()
    try:
        supervisor.start([service(folder, name) for name in names])
        print("all ready", flush=True)
        supervisor.watch()
    except StopRequested:
        print("stopping", flush=True)
    except StartError as error:
        print(error, flush=True)
        return 1
    finally:
        supervisor.stop([[name] for name in reversed(names)])
    return 0


if __name__ == "__main__":
    sys.exit(main())

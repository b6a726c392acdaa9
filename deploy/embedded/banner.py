"""The block that `make up` prints when everything runs."""

from deploy.embedded.paths import Paths, make_command
from deploy.embedded.settings import Settings
from shared.quantities import duration

_ACCESS = {"open": "open: everyone on this machine can read everything", "keys": "keys"}


def banner(paths: Paths, settings: Settings, url: str, flower_port: int | None, flower_login: str, seconds: float) -> str:
    """The tracker's URL and access, the places of its data and logs, and how to stop it."""
    name, _, password = flower_login.partition(":")
    flower = f"off   (with it: {make_command('up FLOWER=1', paths.data_dir)})"
    if flower_port is not None:
        flower = f"http://127.0.0.1:{flower_port}   (name {name}, password {password})"
    return "\n".join(
        (
            f"\nClaude Code Tracker is ready after {duration(seconds * 1_000)}.",
            f"  API      {url}/api   ({url}/docs)",
            f"  Access   {_ACCESS[settings.access]}",
            f"  Flower   {flower}",
            f"  Data     {paths.data_dir}",
            f"  Logs     {paths.logs}/<process>.log",
            f"  Stop     Ctrl-C, or: {make_command('down', paths.data_dir)}\n",
        )
    )

"""`tracker import`: finds Claude Code's files, sends what is new, and waits until it is stored."""

import os
import platform
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from client.capture.folder import capture_folder, read_object, server_of, text_of, texts_of, user_name
from client.capture.repositories import Repositories, path_of
from client.capture.transcripts.imported import remember_imported
from client.capture.transcripts.left_out import LeftOut
from client.errors import FAILED, NothingToImport, Refused
from client.history import summary
from client.history.claude_files import Found, default_paths, find
from client.history.hash_cache import HashCache, cache_path
from client.history.importing import Importer, origin_of
from client.history.plan import LeaveOut
from client.options import At, failures_as_exit_codes
from client.output.display import display_for
from shared.quantities import counted


def import_history(
    paths: list[Path] | None,
    *,
    user: str | None,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    at: At,
) -> None:
    """Raises typer.Exit with 1 if a file or a job failed."""
    display = display_for(is_quiet=quiet)
    with failures_as_exit_codes(), TemporaryDirectory() as temporary:
        wanted = _existing(paths)
        capture = capture_folder(os.environ, Path.home())
        config = read_object(capture / "config.json")
        leave_out = LeftOut(texts_of(config, "left_out"))
        importer = Importer(
            at.server(display),
            display,
            HashCache(cache_path(os.environ, Path.home())),
            user or user_name(os.environ),
            leave_out=LeaveOut(leave_out, Path(temporary)),
            origin=origin_of(wanted, Path.home(), platform.node()),
        )
        found = find(wanted)
        for link in found.links_out:
            display.note(f"{link} leads out of the folder and is not followed. To import it too, name it.")
        if not (found.files or found.problems):
            raise _nothing_at(wanted)
        plan = importer.plan(found)
        if plan.left_out:
            display.note(f"Left out: {counted(plan.left_out, 'file')} of folders that are not to leave this machine.")
        if plan.is_empty:
            raise _nothing_at(wanted)
        if dry_run:
            summary.write_plan(plan, as_json=as_json)
            return
        result = importer.send(plan)
        _tell_repositories(importer, found, capture, leave_out)
        if _is_shippers(importer.server.url, config):
            # The shipper sends too what may have failed.
            brought = plan.known_files + ([known.file for known in plan.to_send] if result.is_whole else [])
            remember_imported(capture, [(str(file.path), file.size, file.mtime_ns) for file in brought])
        summary.write_result(result, as_json=as_json)
        if not result.is_whole:
            raise typer.Exit(FAILED)


def import_what_is_there(paths: list[Path] | None, user: str | None, at: At) -> None:
    """Imports, if there is anything at the paths (None: at the default ones). A failure is shown, and does not end the caller."""
    if not any(path.exists() for path in (default_paths(os.environ, Path.home()) if paths is None else paths)):
        return
    try:
        import_history(paths, user=user, dry_run=False, quiet=False, as_json=False, at=at)
    except typer.Exit:
        # The reason was written; a new installation has nothing to import yet.
        return


def _tell_repositories(importer: Importer, found: Found, capture: Path, leave_out: LeftOut) -> None:
    """Which of the files' folders are one project, if they are on this machine. A file that a server does not take is left: the import is whole without it."""
    folders = {folder for file in found.files if (content := importer.cache.get(file)) is not None for folder in content.folders}
    known = Repositories()
    known.look_at(folder for folder in sorted(folders) if not leave_out.has(folder))
    machine_id = text_of(read_object(capture / "machine.json"), "machine_id") or _id_of_this_home()
    with suppress(Refused):
        for part in known.parts():
            importer.server.ask("PUT", path_of(machine_id), {"repositories": part})


def _id_of_this_home() -> str:
    """For a machine that is not connected: the same for each import, and not to be guessed from its name."""
    return f"import-{sha256(f'{platform.node()} {Path.home()}'.encode()).hexdigest()[:32]}"


def _is_shippers(url: str, config: dict[str, Any]) -> bool:
    """Whether the shipper of this machine sends to the same server."""
    return url.rstrip("/") == server_of(config, None, None)[0].rstrip("/")


def _existing(paths: list[Path] | None) -> list[Path]:
    wanted = paths or default_paths(os.environ, Path.home())
    existing = [path for path in wanted if path.exists()]
    if missing := [str(path) for path in paths or () if path not in existing]:
        raise typer.BadParameter(f"there is no {', '.join(missing)}", param_hint="PATH")
    if not existing:
        raise typer.BadParameter(f"there is neither {wanted[0]} nor {wanted[1]}; name the folder that has the files", param_hint="PATH")
    return existing


def _nothing_at(paths: list[Path]) -> NothingToImport:
    return NothingToImport(
        f"There is nothing to import at {', '.join(map(str, paths))}: no transcripts (*.jsonl), history.jsonl, sessions-index.json or "
        ".claude.json of Claude Code. Name ~/.claude, any part of it, or a .zip or .tar of it."
    )

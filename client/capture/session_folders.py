"""In which folders a session is, as its hooks and status lines name them: whether it is left out."""

from typing import Any

from client.capture.transcripts.left_out import LeftOut, cwd_of_hook
from client.capture.transcripts.send_transcripts import folder_of_file
from client.capture.transcripts.sent import SentLog
from client.capture.transcripts.transcript_files import named_by


class SessionFolders:
    """`log` knows where a session began of which something was sent."""

    def __init__(self, log: SentLog) -> None:
        self._log = log

    def is_left_out(self, payload: dict[str, Any], left_out: LeftOut, began_in: dict[str, str | None] | None = None) -> bool:
        """By its own folder, or because its session began in one that is left out. `began_in` keeps what was read of transcripts."""
        began_in = {} if began_in is None else began_in
        folders = [cwd_of_hook(payload)]
        for path in named_by(payload):
            known = self._log.get(path).cwd
            if known is None:
                if path not in began_in:
                    began_in[path] = folder_of_file(path)
                known = began_in[path]
            folders.append(known)
        return any(folder is not None and left_out.has(folder) for folder in folders)

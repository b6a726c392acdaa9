"""One port that leads somewhere else after a while: what a page sees when its name begins to mean another machine."""

import contextlib
import socket
import threading


class Forwarder:
    """Takes connections and passes their bytes on to `target`, a port of this machine, that may be changed at any time."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """No more connections."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=_pass_on, args=(client, there), daemon=True).start()
            threading.Thread(target=_pass_on, args=(there, client), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with source:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

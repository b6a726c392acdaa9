"""`python -m tests.bench.serving module:factory port`: an app in the server that the services start themselves in, whichever app it is.

So what a service is compared with has the same event loop, parser, limits and looks at slow clients.
"""

import socket
import sys
from importlib import import_module

from starlette.types import ASGIApp

from shared.http.bind_safety import HttpSettings
from shared.http.server import ClientLimits, build_server, spare_what_is_loaded


def main(factory: str, port: str) -> None:
    """Serves until SIGTERM."""
    module, _, name = factory.partition(":")
    create_app = getattr(import_module(module), name)

    def create() -> ASGIApp:
        app: ASGIApp = create_app()
        spare_what_is_loaded()
        return app

    with socket.create_server(("127.0.0.1", int(port)), backlog=2048) as listening:
        build_server(create, ClientLimits(HttpSettings().max_connections)).run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])

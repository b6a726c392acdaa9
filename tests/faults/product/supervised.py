"""`make up`, but the services reach Postgres and Redis through the harness's proxies on these ports of loopback.

`python -m tests.faults.product.supervised <port of Postgres' proxy> <port of Redis' proxy>`
"""

import sys

from deploy.embedded.__main__ import main
from deploy.embedded.servers.postgres import DATABASE, SUPERUSER


def through_proxy(url: str) -> str:
    """The proxy's URL for a server's."""
    postgres_port, redis_port = sys.argv[1:]
    if url.startswith("unix:"):
        return f"redis://127.0.0.1:{redis_port}/0"
    return f"postgresql://{SUPERUSER}@127.0.0.1:{postgres_port}/{DATABASE}"


if __name__ == "__main__":
    sys.exit(main(through_proxy))

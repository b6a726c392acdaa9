"""HEAD wherever GET works: the same answer without its body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI: routes a HEAD as the GET it stands for, and drops the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A stream's head is answered without a body: its length would be said to be 0.
                message = {**message, "headers": [header for header in message["headers"] if header != (b"content-length", b"0")]}
            elif message["type"] == "http.response.body":
                message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
            await send(message)

        # A copy, since the server must still see HEAD. `is_head` tells an event stream to send its headers only.
        # `route` and `error_code` go back, for the log and the metrics.
        inner = {**scope, "method": "GET", "is_head": True}
        try:
            await self.app(inner, receive, send_head)
        finally:
            scope.update({key: inner[key] for key in ("route", "error_code") if key in inner})

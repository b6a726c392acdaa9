"""Settings files as people have them."""

import json

VERSION = (2, 1, 197)
OTHER_HOOKS = {
    "model": "sonnet",
    "hooks": {
        "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "/usr/bin/check"}]}],
        "PermissionRequest": [{"hooks": [{"type": "http", "url": "http://127.0.0.1:1/"}]}],
    },
}
READABLE = {
    "none": None,
    "empty": b"",
    "a line end": b"\n",
    "an empty object": b"{}",
    "other members": b'{\n  "model": "sonnet",\n  "permissions": {"allow": ["Bash"]}\n}\n',
    "other hooks": json.dumps(OTHER_HOOKS, indent=2).encode(),
    "one line": json.dumps(OTHER_HOOKS).encode(),
    "tabs": json.dumps(OTHER_HOOKS, indent="\t").encode() + b"\n",
    "three spaces": json.dumps(OTHER_HOOKS, indent=3).encode() + b"\n\n",
    "CRLF": json.dumps(OTHER_HOOKS, indent=4).replace("\n", "\r\n").encode() + b"\r\n",
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(OTHER_HOOKS, indent=2).encode(),
    "a number that a float cannot hold": b'{"x": 12345678901234567890, "y": 1.0}\n',
    "a member twice": b'{"model": "a", "model": "b"}\n',
    "text beyond ASCII": '{"language": "Čeština \\u0041 😀"}\n'.encode(),
}

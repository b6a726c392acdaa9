"""Measures another checkout of the product with the texts and tests of this one, so that versions can be compared."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# The product's package comes from the other checkout, everything that is imported later from this one.
_CODE = """
import json, sys
_, other, here, module, function = sys.argv
sys.path.insert(0, other)
import shared.redaction.redact
sys.path[0] = here
from importlib import import_module
print(json.dumps(getattr(import_module(module), function)()))
"""


def call_with_redaction_of(checkout: str, module: str, function: str) -> Any:
    """The JSON result of a function of this checkout's tests, with the redaction of the other."""
    command = [sys.executable, "-P", "-c", _CODE, str(Path(checkout).resolve()), str(Path(__file__).parents[2]), module, function]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=os.sep).stdout)

"""Makes a worker that some messages kill. Python runs this at its start where PYTHONPATH names this folder.

A worker is a fork of the supervisor (docs/adr/0074-services-are-forks-of-the-supervisor.md), which has loaded the reader for it; no other process reads
the journal.

The entry of such a message is read as always, and then the process dies of it: at once, as by the kernel's want of memory, or of its own.
"""

import importlib.abc
import importlib.machinery
import os
import signal
import sys
from types import ModuleType
from typing import Any

READER = "services.worker.drain.entry_decoder"


class _Deadly(importlib.abc.Loader):
    """Loads the module normally, then replaces its reader by a deadly one."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        read: Any = module.__dict__["decode_envelope"]

        def deadly(payload: bytes) -> object:
            if b"kill this process" in payload:
                os.kill(os.getpid(), signal.SIGKILL)
            if b"use up its memory" in payload:
                raise MemoryError
            return read(payload)

        module.__dict__["decode_envelope"] = deadly


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, _target: Any = None) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(name, path) if name == READER else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Deadly(spec.loader)
        return spec


sys.meta_path.insert(0, _Finder())

"""
Places what a picture shows: Graphviz as WebAssembly, inside an engine of this process.

Nothing that comes from a definition is read here: names are numbers and labels are empty boxes of a size.

Rule 1: one engine serves a process. The first picture starts it (a fifth of a second); it does one layout at a time.
Rule 2: a layout takes seconds at most, or ends in an error; the engine is then replaced.
Rule 3: a process that was forked starts an engine of its own: the threads of its parent's are not there.
"""

import atexit
import contextlib
import ctypes
import importlib.util
import json
import os
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from diagrams.missing import PicturesUnavailable, TooMuchToDraw

SCRIPT = Path(__file__).parent / "assets" / "layout.js"
"""What `npm run build` makes of diagrams/layout.ts."""

SECONDS = 10.0
MEMORY = 512 * 1024 * 1024
KEPT = 128
"""How many layouts are remembered; one is some 50 kB."""


class Engine:
    """The engine, warm from its first use on, and the layouts that it made last."""

    def __init__(self, *, seconds: float = SECONDS, kept: int = KEPT) -> None:
        self._seconds = seconds
        self._kept = kept
        self._lock = threading.Lock()
        self._racer: Any = None
        self._made: OrderedDict[bytes, Any] = OrderedDict()

    def lay_out(self, dot: str) -> Any:
        """Return where Graphviz puts what *dot* describes."""
        digest = sha256(dot.encode()).digest()
        with self._lock:
            if digest in self._made:
                self._made.move_to_end(digest)
                return self._made[digest]
            placed = self._anew(dot)
            self._made[digest] = placed
            if len(self._made) > self._kept:
                self._made.popitem(last=False)
        return placed

    def forget(self) -> None:
        """Forget the layouts that were made."""
        with self._lock:
            self._made.clear()

    def close(self) -> None:
        """End the engine while its thread still runs: at the very end of a process nobody would, and it would hang."""
        with self._lock:
            if self._racer is not None:
                self._racer.close()
                self._racer = None

    def leave_to_the_parent(self) -> None:
        """Start anew after a fork; the parent's engine must never be closed here, which would wait for its threads."""
        if self._racer is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._racer))
        self._racer = None
        self._lock = threading.Lock()

    def _anew(self, dot: str) -> Any:
        racer = self._started()
        from py_mini_racer import JSEvalException  # noqa: PLC0415 - it comes with the extra `pictures`

        try:
            return json.loads(racer.eval(f"place({json.dumps(dot)})", timeout_sec=self._seconds))
        except JSEvalException:
            self._racer = None
            with contextlib.suppress(JSEvalException):  # what was stopped reports back before this is answered
                racer.eval("0", timeout_sec=SECONDS)
            racer.close()
            raise TooMuchToDraw from None

    def _started(self) -> Any:
        if self._racer is None:
            if importlib.util.find_spec("py_mini_racer") is None:
                raise PicturesUnavailable
            with ThreadPoolExecutor(1) as apart:  # where an event loop runs, the engine would make that loop its own
                self._racer = apart.submit(_start).result()
        return self._racer


def _start() -> Any:
    """Return a new engine, ready to place."""
    from py_mini_racer import MiniRacer  # noqa: PLC0415 - it comes with the extra `pictures`

    racer = MiniRacer()
    racer.set_hard_memory_limit(MEMORY)
    racer.eval(SCRIPT.read_text(encoding="utf-8"), timeout_sec=SECONDS)
    _wait_until_loaded(racer)
    return racer


def _wait_until_loaded(racer: Any) -> None:
    """WebAssembly is compiled in the background."""
    until = time.monotonic() + SECONDS
    while racer.eval("typeof place") != "function":
        if time.monotonic() > until:
            raise TooMuchToDraw
        time.sleep(0.002)


_ENGINE = Engine()
atexit.register(_ENGINE.close)
os.register_at_fork(after_in_child=_ENGINE.leave_to_the_parent)


def lay_out(dot: str) -> Any:
    """
    Return where Graphviz puts what *dot* describes: the objects and edges of its JSON.

    Raises:
        PicturesUnavailable: the engine is not installed.
        TooMuchToDraw: it took too long, or too much memory.
    """
    return _ENGINE.lay_out(dot)


def forget() -> None:
    """Forget the layouts that were made."""
    _ENGINE.forget()

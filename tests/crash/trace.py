"""
What a server did, as `strace` saw it, and whether an answer left before what it acknowledges was on the disk.

Rule 1: what was written to the write-ahead log is on the disk when a sync ends that began after it, not sooner.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

OPTIONS = ("-f", "-y", "-s", "20", "-e", "trace=pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync")
"""Follow threads, name what descriptors are of, and show how what is written begins."""

_LINE = re.compile(
    r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\(\d+<(?P<file>[^>]*)>)"
    r"(?P<rest>.*?)(?P<unfinished> <unfinished \.\.\.>)?$"
)
_ANSWER = "HTTP/1.1 200"
_SYNCS = frozenset({"fsync", "fdatasync"})


class Act(Struct, frozen=True):
    """One thing that a server did."""

    what: Literal["logged", "sync_begun", "synced", "answered"]
    thread: str


def acts(lines: Iterable[str]) -> Iterator[Act]:
    """Yield what matters of a trace, in order. What is written counts from when it begins, a sync when it ends."""
    syncing: set[str] = set()
    for line in lines:
        seen = _LINE.match(line)
        if seen is None:
            continue
        thread, call, file = seen["thread"], seen["call"], seen["file"] or ""
        if seen["resumed"] in _SYNCS and thread in syncing:
            syncing.discard(thread)
            if _succeeded(seen["rest"]):
                yield Act("synced", thread)
        elif call == "pwrite64" and file.endswith("-wal"):
            yield Act("logged", thread)
        elif call in _SYNCS and file.endswith("-wal"):
            yield Act("sync_begun", thread)
            if seen["unfinished"]:
                syncing.add(thread)
            elif _succeeded(seen["rest"]):
                yield Act("synced", thread)
        elif call not in {None, "pwrite64"} and file.startswith(("socket:", "TCP")) and _ANSWER in seen["rest"]:
            yield Act("answered", thread)


class Count(Struct, frozen=True):
    """Answers of a server: all, those that followed something new in the log, and those that came before its sync."""

    answers: int
    of_commits: int
    too_early: int


def count(lines: Iterable[str]) -> Count:
    """Return what a trace says of the answers in it."""
    logged = covered = answers = of_commits = too_early = at_last_answer = 0
    begun: dict[str, int] = {}
    for act in acts(lines):
        if act.what == "logged":
            logged += 1
        elif act.what == "sync_begun":
            begun[act.thread] = logged
        elif act.what == "synced":
            covered = max(covered, begun[act.thread])
        else:
            answers += 1
            of_commits += logged > at_last_answer
            too_early += covered < logged
            at_last_answer = logged
    return Count(answers, of_commits, too_early)


def _succeeded(rest: str) -> bool:
    return rest.rstrip().endswith("= 0")

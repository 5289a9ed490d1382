"""Progress of long work, told to whoever watches: a terminal, a Prefect artifact, a test.

    with watching(lambda what, done, total: …):
        advance = bar("icd10: texts encoded", 60_000)
        advance(4096)

Without a watcher it costs nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Watcher = Callable[[str, int, int], None]  # (what, done, total)
Advance = Callable[[int], None]
_watchers: list[Watcher] = []


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Tell `watcher` of all progress in this process until the block ends."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def bar(what: str, total: int) -> Advance:
    """A function to call with how much was just done."""
    done = 0

    def advance(n: int) -> None:
        nonlocal done
        done += n
        for watcher in list(_watchers):
            watcher(what, done, total)

    if total:
        advance(0)
    return advance

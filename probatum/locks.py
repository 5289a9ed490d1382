"""One refresh per source at a time on one home: an operating-system lock, gone with the process that held it."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from probatum.errors import Retryable

_WAIT_S = 5


@contextmanager
def one_refresh(home: Path, sources: Iterable[str]) -> Iterator[None]:
    """Hold the locks of these sources. Raises Retryable when another refresh holds one."""
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        for source in sorted(sources):
            try:
                held.enter_context(FileLock(folder / f"{source}.lock", timeout=_WAIT_S))
            except Timeout:
                raise Retryable(
                    f"A refresh of {source} is already running.", next="Wait until it ends; it needs no help."
                ) from None
        yield

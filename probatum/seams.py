"""Named points between two steps, where a test may put a fault.

    seam("after-write")

does nothing in production. A test installs a handler (`fault_at`), or records the names it passes (`recorded`), so that a
sweep can break every step there is without knowing the list beforehand. A subprocess takes its fault from the
environment variable PROBATUM_FAULT (`kill:after-write` ends the process as SIGKILL would).
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_handler: Callable[[str], None] | None = None


def seam(name: str) -> None:
    """Pass the point `name`; free unless a test is watching."""
    if _handler is not None:
        _handler(name)


@contextmanager
def fault_at(name: str, error: BaseException) -> Iterator[None]:
    """Raise `error` whenever the seam `name` is passed."""

    def raise_there(passed: str) -> None:
        if passed == name:
            raise error

    with _installed(raise_there):
        yield


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Collect the names of the seams passed, in order."""
    names: list[str] = []
    with _installed(names.append):
        yield names


@contextmanager
def _installed(handler: Callable[[str], None]) -> Iterator[None]:
    global _handler
    before, _handler = _handler, handler
    try:
        yield
    finally:
        _handler = before


def install_from_environment(value: str | None) -> None:
    """`kill:<seam>` makes this process die there without any clean-up. Called once by the command line."""
    global _handler
    if value and value.startswith("kill:"):
        target = value.removeprefix("kill:")

        def die(name: str) -> None:
            if name == target:
                os.kill(os.getpid(), signal.SIGKILL)

        _handler = die

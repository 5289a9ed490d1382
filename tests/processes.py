"""Processes that tests start, waited for and ended by their ids."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PREFECT = Path(sys.executable).with_name("prefect")


def wait_for(true: Callable[[], object], seconds: float, what: str, log: Callable[[], str]) -> object:
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}\n{log()}"
        time.sleep(0.5)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(process: subprocess.Popen) -> None:
    """End a process and those of its own session that it started."""
    for sent, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, sent)
            process.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue

"""Readers that misbehave, for `test_sandbox`: each is one unit's work, and says in its output what it did."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from probatum.errors import Rejected


def work(unit: dict) -> None:
    globals()[unit["does"]](unit)


def read(unit):
    Path(unit["output"]).write_text("done", "utf-8")


def refuse(unit):
    raise Rejected("It is not a list.", next="Send a list.")


def hang(unit):
    while True:
        time.sleep(1)


def spin(unit):
    while True:
        pass


def ignore_termination(unit):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(unit)


def start_another_and_hang(unit):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(unit["output"]).write_text(str(child.pid), "utf-8")
    hang(unit)


def start_another_and_end(unit):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(unit["output"]).write_text(str(child.pid), "utf-8")


def eat_memory(unit):
    held = []
    while True:
        held.append(bytearray(64 << 20))


def eat_memory_outside_python(unit):
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while libc.malloc(ctypes.c_size_t(64 << 20)):
        pass
    sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def crash(unit):
    ctypes.string_at(0)


def abort(unit):
    os.abort()


def raise_something(unit):
    raise ZeroDivisionError("patient 4711")


def recurse(unit):
    recurse(unit)


def leave(unit):
    os._exit(0)


def leave_politely(unit):
    sys.exit(0)


def be_killed(unit):
    os.kill(os.getpid(), signal.SIGKILL)


def write_without_end(unit):
    with open(unit["output"], "wb") as out:
        while True:
            out.write(b"x" * (16 << 20))


def print_without_end(unit):
    for _ in range(100_000):
        print("x" * 1000)
    read(unit)


def tell(unit):
    """What the reader's process may do, and where it stands."""
    names = ("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_FSIZE")
    told = {name: resource.getrlimit(getattr(resource, name)) for name in names}
    told |= {"pid": os.getpid(), "session": os.getsid(0), "stdin": os.readlink("/proc/self/fd/0")}
    Path(unit["output"]).write_text(json.dumps(told), "utf-8")


def say_when_it_runs_and_hang(unit):
    Path(unit["output"]).write_text(str(os.getpid()), "utf-8")
    hang(unit)

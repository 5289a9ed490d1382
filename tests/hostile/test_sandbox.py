"""A reader may hang, crash, eat memory or fall over: its unit is reported, the others go on, and nothing stays behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probatum.sandbox import read_units

HERE = Path(__file__).parent
MEMORY = 512 << 20


@pytest.fixture(autouse=True)
def the_readers_can_be_imported(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def run(tmp_path, *does, seconds=2):
    units = [{"does": each, "output": str(tmp_path / f"{n}.out")} for n, each in enumerate(does)]
    outcomes = read_units("unruly_readers:work", units, tmp_path / "sandbox", seconds=seconds, memory_bytes=MEMORY)
    return outcomes, [Path(unit["output"]) for unit in units]


def children():
    """Our child processes, zombies included."""
    return subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=,stat=,args="], capture_output=True, text=True
    ).stdout


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(pid, seconds):
    until = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_running(pid)


@pytest.mark.parametrize(
    ("does", "kind"),
    [
        ("refuse", "rejected"),
        ("hang", "timeout"),
        ("spin", "timeout"),
        ("ignore_termination", "timeout"),
        ("eat_memory", "memory"),
        ("eat_memory_outside_python", "memory"),
        ("be_killed", "memory"),
        ("crash", "crashed"),
        ("abort", "crashed"),
        ("raise_something", "crashed"),
        ("leave", "crashed"),
        ("leave_politely", "crashed"),
        ("recurse", "rejected"),
    ],
)
def test_a_unit_that_misbehaves_is_reported_and_the_others_go_on(tmp_path, does, kind):
    """P27: whatever one unit does, those before and after it are read, and it is told apart by its kind."""
    outcomes, outputs = run(tmp_path, "read", does, "read")
    assert outcomes[0] is None and outcomes[2] is None
    assert outputs[0].read_text() == outputs[2].read_text() == "done"
    assert outcomes[1].kind == kind
    assert outcomes[1].reason and outcomes[1].advice
    assert "read_units" not in children() and "probatum.sandbox" not in children()


def test_a_refusal_arrives_word_for_word(tmp_path):
    """P51: what a reader says is what people read."""
    (outcome,), _ = run(tmp_path, "refuse")
    assert (outcome.reason, outcome.advice) == ("It is not a list.", "Send a list.")


def test_reports_hold_no_content(tmp_path):
    """P51: the message of an exception nobody foresaw may quote the document, so it stays out of the report."""
    (outcome,), _ = run(tmp_path, "raise_something")
    assert "4711" not in outcome.reason + outcome.advice and "ZeroDivisionError" not in outcome.reason


def test_units_that_all_misbehave_are_all_reported(tmp_path):
    """P27: the last one as well as the first."""
    outcomes, _ = run(tmp_path, "crash", "hang", "refuse", "leave", seconds=1)
    assert [outcome.kind for outcome in outcomes] == ["crashed", "timeout", "rejected", "crashed"]


def test_the_time_is_of_one_unit_not_of_all(tmp_path):
    """P27: a slow unit costs its own limit; the start of the process is not counted against it."""
    began = time.monotonic()
    outcomes, _ = run(tmp_path, *["read"] * 20, "hang", seconds=1)
    assert [outcome is None for outcome in outcomes] == [True] * 20 + [False]
    assert "more than 1 s" in outcomes[-1].reason
    assert time.monotonic() - began < 20


def test_a_reader_that_prints_without_end_is_read(tmp_path):
    """P27: what a library prints fills no pipe and blocks nothing."""
    outcomes, outputs = run(tmp_path, "print_without_end", seconds=20)
    assert outcomes == [None] and outputs[0].read_text() == "done"


def test_the_limits_are_set_in_the_child_and_not_in_us(tmp_path):
    """P27: memory, file size and core dumps are limited where the file is read, which is another process and session."""
    outcomes, outputs = run(tmp_path, "tell")
    told = json.loads(outputs[0].read_text())
    assert outcomes == [None]
    assert told["RLIMIT_AS"] == [MEMORY, MEMORY]
    assert told["RLIMIT_FSIZE"] == [MEMORY, MEMORY]
    assert told["RLIMIT_CORE"] == [0, 0]
    assert told["pid"] != os.getpid() and told["session"] == told["pid"]
    assert told["stdin"] == "/dev/null"
    import resource

    assert resource.getrlimit(resource.RLIMIT_AS)[0] != MEMORY


def test_an_endless_output_stops_at_its_limit(tmp_path):
    """P27: a reader cannot fill the disk."""
    outcomes, outputs = run(tmp_path, "write_without_end", seconds=60)
    assert outcomes[0].kind == "crashed"
    assert 0 < outputs[0].stat().st_size <= MEMORY
    outputs[0].unlink()


@pytest.mark.parametrize("does", ["start_another_and_hang", "start_another_and_end"])
def test_what_a_reader_started_goes_with_it(tmp_path, does):
    """P27: no process outlives the unit, not even one that a library started on the side."""
    _, outputs = run(tmp_path, does, seconds=1)
    assert gone_within(int(outputs[0].read_text()), 5)


def test_no_zombie_is_left(tmp_path):
    """P27: every child is waited for."""
    run(tmp_path, "hang", "crash", "read", seconds=1)
    mine = [line for line in children().splitlines() if "ps --ppid" not in line]
    assert not [line for line in mine if line.split()[1].startswith("Z") or "probatum.sandbox" in line]


def _start_a_run(tmp_path):
    """A process that reads a unit which hangs; returns it and the pid of its reader once that is at work."""
    unit = {"does": "say_when_it_runs_and_hang", "output": str(tmp_path / "0.out")}
    code = (
        "import signal, sys; from pathlib import Path; from probatum.sandbox import read_units; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "  # a background shell hands it down ignored
        f"read_units('unruly_readers:work', [{unit!r}], Path({str(tmp_path / 'sandbox')!r}), seconds=600, memory_bytes={MEMORY})"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while not (tmp_path / "0.out").exists() or not (tmp_path / "0.out").read_text():
        assert time.monotonic() < until and run.poll() is None
        time.sleep(0.05)
    return run, int((tmp_path / "0.out").read_text())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_takes_its_reader_with_it(tmp_path, how):
    """P5: nobody goes on writing where the next run will write."""
    run, reader = _start_a_run(tmp_path)
    try:
        run.send_signal(how)
        run.wait(10)
        assert gone_within(reader, 5)
    finally:
        if run.poll() is None:
            run.kill()
        if is_running(reader):
            os.kill(reader, signal.SIGKILL)


def test_a_function_that_cannot_be_imported_is_reported_for_every_unit(tmp_path):
    units = [{"output": ""}, {"output": ""}]
    outcomes = read_units("no_such_module:work", units, tmp_path / "sandbox", seconds=1, memory_bytes=MEMORY)
    assert [outcome.kind for outcome in outcomes] == ["crashed", "crashed"]

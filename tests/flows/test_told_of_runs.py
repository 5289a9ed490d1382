"""What is said of a run that broke, and whether what ships for Prefect fits together; no server is needed."""

import subprocess
import sys

import pytest
import yaml
from expecting import ROOT

from probatum.errors import Retryable
from probatum.routes import HEARTBEAT_S
from tasks.notify import _why

CANARY = "Give 500 micrograms of adrenaline into the thigh"


@pytest.mark.parametrize(
    "message",
    [
        f"Flow run encountered an exception: ValueError: {CANARY}",
        f"Flow run encountered an exception: RejectedTwice: {CANARY}",
        f"Execution was interrupted by an unexpected exception: KeyError: '{CANARY}'",
        f"Flow run process could not be started:\nOSError({CANARY!r})",
        CANARY,
    ],
)
def test_the_words_of_an_error_nobody_foresaw_are_not_passed_on(message):
    """P35: such an error may quote a document; people are told its class and where its words are."""
    assert CANARY not in _why(message) and "in the log of the run" in _why(message)


def test_the_words_of_our_own_errors_are_passed_on():
    error = Retryable("A refresh of icd10 is already running.", next="Wait until it ends; it needs no help.")
    assert _why(f"Flow run encountered an exception: Retryable: {error}") == str(error)
    assert _why("Flow run process exited with non-zero status code -9.").endswith("-9.")


def test_every_pool_sends_the_heartbeats_that_the_automation_waits_for():
    """P47: a worker that sends none would never be missed."""
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
    pools = {each["work_pool"]["name"]: each["work_pool"]["job_variables"]["env"] for each in deployments}
    assert set(pools) >= {"cpu", "alerts"}
    assert {env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] for env in pools.values()} == {str(HEARTBEAT_S)}


@pytest.mark.parametrize("command", ["install", "list", "test"])
@pytest.mark.parametrize(
    ("address", "code", "said"), [("", 50, "PREFECT_API_URL"), ("http://127.0.0.1:9/api", 10, "does not answer")]
)
def test_without_a_server_the_commands_say_so(tmp_path, command, address, code, said):
    """P51: Prefect would quietly start a server of its own and install the automations there."""
    env = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "PREFECT_HOME": str(tmp_path),
        "PROBATUM_HOME": str(tmp_path),
    }
    env |= {"PREFECT_API_URL": address} if address else {}
    done = subprocess.run(
        [sys.executable, "-m", "probatum.cli", "alerts", command], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code and said in done.stderr and "Traceback" not in done.stderr

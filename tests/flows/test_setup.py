"""Does `probatum setup` make a server right, find what is wrong with one, and refuse one that is not to be trusted?"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from expecting import ROOT, write_easy
from prefect_server import Server
from processes import end, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("set-up")
    started = Server(folder, {"PROBATUM_EXPECTATIONS": str(write_easy(folder / "easy"))})
    try:
        yield started
    finally:
        started.stop()


def probatum(server: Server, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "probatum.cli", *arguments],
        cwd=ROOT,
        env=server.env | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def found(server: Server, *arguments: str) -> list[dict]:
    return [json.loads(line) for line in probatum(server, "setup", "--json", *arguments).stdout.splitlines()]


@pytest.fixture(scope="module")
def set_up(server) -> Server:
    done = probatum(server, "setup")
    assert done.returncode == 0, done.stdout + done.stderr
    return server


def test_an_empty_server_is_told_what_it_lacks_and_nothing_is_made(server):
    """Before anybody ran it; exit code 50, and the command that mends it."""
    if server.deployments():
        pytest.skip("it was set up before this test")
    done = probatum(server, "setup", "--check")
    assert (
        done.returncode == 50
        and "refresh-icd10 is not on the server" in done.stdout
        and "probatum setup" in done.stdout
    )
    assert server.deployments() == {}


def test_setting_up_makes_pools_deployments_and_runs_to_come(set_up):
    """P23: every cron really makes runs, and both pools are there without one being the default."""
    pools = {pool["name"]: pool for pool in set_up.post("/work_pools/filter")}
    assert pools["cpu"]["type"] == pools["gpu"]["type"] == "process" and pools["gpu"]["concurrency_limit"] == 1
    assert set_up.deployments() and all(each["version"] for each in set_up.deployments().values())
    told = found(set_up, "--check")
    assert {each["level"] for each in told} <= {"ok", "note"}
    assert any(each["what"] == "Every active schedule has runs to come." for each in told)
    assert any("No worker works in the pool cpu" in each["what"] for each in told)


def test_setting_up_again_changes_nothing(set_up):
    def everything() -> str:
        told = {name: (each["id"], each["schedules"]) for name, each in set_up.deployments().items()}
        slugs = {name: sorted((s["slug"], s["id"]) for s in schedules) for name, (_, schedules) in told.items()}
        pools = sorted(
            (pool["id"], pool["updated"]) for pool in set_up.post("/work_pools/filter") if pool["name"] == "gpu"
        )
        return json.dumps([{name: each[0] for name, each in told.items()}, slugs, pools])

    before = everything()
    assert probatum(set_up, "setup").returncode == 0
    assert everything() == before


def test_what_drifted_is_found_and_mended(set_up):
    """A schedule somebody made by hand goes; a deployment nobody declares is named and left alone."""
    deployed = set_up.deployments()["refresh-all"]
    answer = set_up.api.post(
        f"/deployments/{deployed['id']}/schedules",
        json=[{"schedule": {"cron": "0 3 * * *", "timezone": "UTC"}, "slug": "forgotten", "active": True}],
    )
    answer.raise_for_status()
    flow = set_up.post("/flows/filter")[0]["id"]
    set_up.post("/deployments/", {"name": "of-old", "flow_id": flow, "tags": ["probatum"], "work_pool_name": "cpu"})
    told = probatum(set_up, "setup", "--check")
    assert told.returncode == 50 and "refresh-all has other schedules" in told.stdout and "of-old" in told.stdout
    assert probatum(set_up, "setup").returncode == 0
    assert set_up.deployments()["refresh-all"]["schedules"] == [] and "of-old" in set_up.deployments()


def test_a_deployment_in_another_pool_is_found(set_up):
    deployed = set_up.deployments()["refresh-icd10"]
    set_up.api.patch(f"/deployments/{deployed['id']}", json={"work_pool_name": "gpu"}).raise_for_status()
    told = probatum(set_up, "setup", "--check")
    assert told.returncode == 50 and "refresh-icd10 is in the pool gpu, not in cpu" in told.stdout
    assert probatum(set_up, "setup").returncode == 0
    assert set_up.deployments()["refresh-icd10"]["work_pool_name"] == "cpu"


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("http://prefect.example.org/api", 50, "http address that leaves this machine"),
        ("http://127.0.0.1:9/api", 10, "does not answer"),
        ("", 50, "No Prefect server is named"),
    ],
)
def test_a_server_that_is_not_to_be_trusted_or_not_there_is_refused_in_words(server, address, code, words):
    """P40: nothing is sent over an open line, not even the question which version it is."""
    done = probatum(server, "setup", "--check", PREFECT_API_URL=address)
    assert done.returncode == code and words in done.stderr and "Nothing was changed" in done.stderr


@pytest.mark.parametrize("image", ["", "probatum:latest", "probatum@sha256:12"])
def test_containers_run_an_image_that_is_named_by_its_digest_or_none(server, image):
    """P41: a tag that floats is refused before anything is made."""
    done = probatum(server, "setup", "--pools", "kubernetes", PROBATUM_IMAGE=image)
    assert done.returncode == 50 and "PROBATUM_IMAGE" in done.stderr


def test_a_pool_of_another_kind_is_not_taken_over(set_up):
    done = probatum(set_up, "setup", "--pools", "kubernetes", PROBATUM_IMAGE=f"probatum@sha256:{'0' * 64}")
    assert done.returncode == 50 and "of the type process, not kubernetes" in done.stderr


def test_one_process_serves_everything_and_takes_it_up_again_after_a_stop(set_up):
    """It pauses what it served when it ends, so that no run is made that nobody takes; the checks then say what is missing."""

    def served() -> dict[str, bool]:
        """{deployment: whether it is paused}"""
        return {n: each["paused"] for n, each in set_up.deployments().items() if n.startswith("refresh")}

    def paused() -> set[bool]:
        return set(served().values())

    def log() -> str:
        return f"{served()}\n{set_up.log()}"

    for each in set_up.deployments().values():
        set_up.api.patch(f"/deployments/{each['id']}", json={"paused": True}).raise_for_status()
    for _ in range(2):
        serving = subprocess.Popen(
            [sys.executable, "-m", "probatum.cli", "serve"], cwd=ROOT, env=set_up.env, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_for(lambda: paused() == {False}, 300, "every deployment to be served", log)
            time.sleep(20)  # registered one by one; only a runner that runs pauses them when it ends
        finally:
            end(serving)
        wait_for(lambda: paused() == {True}, 120, "the deployments to be paused", log)
    told = probatum(set_up, "setup", "--check")
    assert told.returncode == 50 and "is paused, so no run of it starts" in told.stdout

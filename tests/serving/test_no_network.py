"""Does the whole main job, refresh to search, open no connection to the outside?

Two witnesses. Every Python process of the job (the flow, Prefect's temporary server, the sandbox) notes each connection
and each name it looks up. And where the system allows it, the job runs in a network of its own that has nothing but
loopback, in which the kernel counts every packet that found no way out: this sees libraries that are not Python too.
"""

import ast
import ipaddress
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from expecting import few_drugs, few_guidelines, write_easy
from small_runs import codes, order_file, write_expectations, zip_of

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
COUNTERS = ("/proc/net/snmp", "/proc/net/snmp6")
SWITCHES = {
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
MAIN_JOB = """
import json, subprocess, sys
def probatum(*arguments):
    done = subprocess.run([sys.executable, "-m", "probatum.cli", *arguments], capture_output=True, text=True)
    return {"code": done.returncode, "out": done.stdout, "said": done.stderr[-2000:]}
done = {
    "guidelines": probatum("refresh", "guidelines", "--from", sys.argv[1], "--json"),
    "formulary": probatum("refresh", "formulary", "--from", sys.argv[2], "--json"),
    "icd10": probatum("refresh", "icd10", "--from", sys.argv[3], "--json"),
    "search": probatum("search", "amlodipine", "--json"),
}
for path in ("/proc/net/snmp", "/proc/net/snmp6"):
    with open(path) as lines:
        done[path] = lines.read()
print(json.dumps(done))
"""


@dataclass(frozen=True)
class Job:
    did: dict
    seen: list[str]  # "socket.connect '127.0.0.1'"
    processes: str
    alone: bool  # ran in a network of its own

    def outside(self) -> list[str]:
        return [line for line in self.seen if not _stays_here(line)]


def _stays_here(line: str) -> bool:
    _, _, said = line.partition(" ")
    host = ast.literal_eval(said)
    if host is None or isinstance(host, bytes):
        host = (host or b"localhost").decode()
    if host.startswith(("/", "\0")) or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _own_network() -> list[str]:
    """The beginning of a command line that runs the rest in a network with loopback only; empty where that is not allowed."""
    begin = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if not shutil.which("unshare") or not shutil.which("ip"):
        return []
    return begin if subprocess.run([*begin, "true"], capture_output=True).returncode == 0 else []


def run_job(folder: Path, arguments: list, **environment: str) -> Job:
    folder.mkdir(exist_ok=True)
    seen, begin = folder / "seen", _own_network()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_")) and k not in SWITCHES}
    done = subprocess.run(
        [*begin, sys.executable, *map(str, arguments)],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(HERE / "listener"), "CONNECTIONS_SEEN": str(seen)} | environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Job(
        json.loads(done.stdout.splitlines()[-1]),
        seen.read_text("utf-8").splitlines() if seen.exists() else [],
        Path(f"{seen}.processes").read_text("utf-8"),
        bool(begin),
    )


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Job:
    folder = tmp_path_factory.mktemp("alone")
    easy = write_easy(folder / "easy")
    shutil.copy(write_expectations(folder / "codes") / "golden" / "icd10.jsonl", easy / "golden")
    edition = {"icd10cm-order-2026.txt": order_file(codes())}
    origins = (
        few_guidelines(folder / "guidelines", "2026-07"),
        few_drugs(folder / "drugs"),
        zip_of(folder / "feeds" / "2026-code-descriptions-tabular-order.zip", edition),
    )
    return run_job(
        folder,
        ["-c", MAIN_JOB, *origins],
        PROBATUM_HOME=str(folder / "home"),
        PREFECT_HOME=str(folder / "prefect"),
        PROBATUM_EXPECTATIONS=str(easy),
    )


def test_the_main_job_is_done_without_a_network(job):
    for source in ("guidelines", "formulary", "icd10"):
        assert job.did[source]["code"] == 0, job.did[source]
        assert json.loads(job.did[source]["out"])["published"] == [source]
    found = json.loads(job.did["search"]["out"])["hits"]
    assert found[0]["source"] == "formulary" and "amlodipine" in found[0]["title"].lower()


def test_no_process_of_the_main_job_connects_to_the_outside_or_looks_up_a_name(job):
    """P31: the encoder, the readers and Prefect work offline; nothing calls home."""
    assert job.outside() == []


def test_every_process_of_the_main_job_was_listened_to(job):
    for part in ("probatum.cli refresh", "probatum.sandbox", "uvicorn", "probatum.cli search"):
        assert part in job.processes
    assert any("127.0.0.1" in line for line in job.seen)  # Prefect's temporary server was heard


def test_the_kernel_saw_nothing_that_wanted_to_get_out(job):
    if not job.alone:
        pytest.skip("this system does not allow a network of one's own")
    assert _without_a_way_out(job) == 0


def test_an_attempt_to_get_out_is_noticed(tmp_path):
    """Both witnesses of this file work: an attempt, from Python or not, does not go by unseen."""
    attempt = (
        "import json, socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "try:\n    s.connect(('192.0.2.1', 53))\nexcept OSError:\n    pass\n"
        "try:\n    socket.getaddrinfo('example.invalid', 80)\nexcept OSError:\n    pass\n"
        f"print(json.dumps({{path: open(path).read() for path in {COUNTERS!r}}}))"
    )
    job = run_job(tmp_path / "attempt", ["-c", attempt])
    assert len(job.outside()) >= 2
    assert not job.alone or _without_a_way_out(job) > 0


def _without_a_way_out(job: Job) -> int:
    names, values = (line.split() for line in job.did[COUNTERS[0]].splitlines() if line.startswith("Ip:"))
    version_4 = dict(zip(names, values, strict=True))["OutNoRoutes"]
    version_6 = dict(line.split() for line in job.did[COUNTERS[1]].splitlines()).get("Ip6OutNoRoutes", 0)
    return int(version_4) + int(version_6)


def test_importing_the_settings_turns_telemetry_off_everywhere(tmp_path):
    shown = (
        f"import json, os, probatum.settings; print(json.dumps({{n: os.environ.get(n) for n in {list(SWITCHES)!r}}}))"
    )
    assert run_job(tmp_path / "switches", ["-c", shown]).did == SWITCHES

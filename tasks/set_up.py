"""Setup: what a Prefect server needs to run the deployments of prefect.yaml, made where it is missing, and checked.

    probatum setup              pools, deployments, automations and the note of what is deployed; then every check
    probatum setup --check      the checks alone; nothing is changed

Running it again changes nothing that is already right. What is made: the work pools (never a default one), every
deployment of prefect.yaml, the automations of the alerts, and the variable `probatum_deployed`, which says what was deployed, when and from which commit.
Schedules that prefect.yaml no longer names are removed from the server: `prefect deploy` leaves them. What is checked: that
every deployment is in its pool, that none is left over, that runs are really scheduled, and that somebody works.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from probatum import __version__
from probatum.doctor import Finding
from probatum.errors import Misconfigured
from probatum.settings import settings
from tasks import automations
from tasks.server import UNCHANGED, the_server

ROOT = Path(__file__).parents[1]
DEPLOYED = "probatum_deployed"
_TAG = "probatum"
_TAGS = [_TAG, automations.TAG]
_DEPLOY_S = 300
_PINNED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Pool:
    """A work pool. at_once: how many of its runs may go at the same time."""

    name: str
    at_once: int
    description: str


POOLS = (
    Pool("cpu", 4, "Refreshes, publishing, watching, maintenance: three sources and one to spare."),
    Pool("gpu", 1, "Retraining of adapters: one card, one run."),
    Pool("alerts", 4, "Telling people: a pool of its own, so that it goes on when the others cannot."),
)


def set_up(*, kind: str = "process", wait_s: float = 90) -> list[Finding]:
    """Make what is missing, then check everything. kind: of the pools, process or kubernetes.

    Raises Misconfigured when the server is not to be trusted or a pool is of another kind, Retryable when it does not answer.
    """
    with the_server() as client:
        for pool in POOLS:
            _make_pool(client, pool, kind)
        _deploy()
        _remove_old_schedules(client)
        _note_what_is_deployed(client)
        automations.install()
        return list(_checks(client, wait_s))


def check(*, wait_s: float = 0) -> list[Finding]:
    """The checks alone. wait_s: how long scheduled runs may take to appear. Raises as `set_up`."""
    with the_server() as client:
        return list(_checks(client, wait_s))


def _make_pool(client: SyncPrefectClient, pool: Pool, kind: str) -> None:
    template = _template(pool, kind)
    try:
        there = client.read_work_pool(pool.name)
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(
                name=pool.name,
                type=kind,
                description=pool.description,
                concurrency_limit=pool.at_once,
                **({"base_job_template": template} if template else {}),
            )
        )
        return
    if there.type != kind:
        raise Misconfigured(
            f"The work pool {pool.name} is of the type {there.type}, not {kind}.",
            next=f"Run `probatum setup --pools {there.type}`, or delete the pool when nothing runs in it.",
        )
    limit = (
        pool.at_once if there.concurrency_limit is None else there.concurrency_limit
    )  # somebody may have chosen another
    changed = {"base_job_template": template} if template and template != there.base_job_template else {}
    if changed or limit != there.concurrency_limit or there.description != pool.description:
        client.update_work_pool(
            pool.name, WorkPoolUpdate(description=pool.description, concurrency_limit=limit, **changed)
        )


def _template(pool: Pool, kind: str) -> dict | None:
    """The base job template of a pool whose runs get an image, with the image in it; None for processes."""
    if kind != "kubernetes":
        return None
    image = settings().image
    if not _PINNED.fullmatch(image):
        raise Misconfigured(
            "The image is not named by its digest." if image else "No image is named.",
            safe=UNCHANGED,
            next="Set PROBATUM_IMAGE to name@sha256:…, as the build of deploy/Dockerfile told it.",
        )
    template = orjson.loads((ROOT / "deploy" / "kubernetes" / f"{pool.name}-job.json").read_bytes())
    template["variables"]["properties"]["image"]["default"] = image
    return template


def _deploy() -> None:
    """As a person would: prefect.yaml is read by Prefect's own command."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_DEPLOY_S,
    )
    if done.returncode or declared().keys() - _named_in(done.stdout):
        last = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()][-3:]
        raise Misconfigured(
            f"`prefect deploy --all` did not deploy everything: {' '.join(last)[:400]}",
            safe="Deployments that were there before still are.",
            next="Correct prefect.yaml and run `probatum setup` again.",
        )


def _named_in(output: str) -> set[str]:
    return {name for name in declared() if name in output}


def commit() -> str:
    """The commit of this checkout, with "-dirty" where files differ from it; "" where there is none."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
            cwd=ROOT, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
    except OSError:  # an image holds no git
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""


def declared() -> dict[str, dict]:
    """{name: deployment} of prefect.yaml."""
    path = ROOT / "prefect.yaml"
    try:
        return {each["name"]: each for each in yaml.safe_load(path.read_text("utf-8"))["deployments"]}
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise Misconfigured(
            f"prefect.yaml cannot be read ({type(error).__name__}).",
            safe=UNCHANGED,
            next="Run it from a checkout of the project.",
        ) from None


def _deployed(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    wanted = DeploymentFilter.model_validate({"tags": {"any_": _TAGS}})
    return {each.name: each for each in client.read_deployments(deployment_filter=wanted, limit=200)}


def _remove_old_schedules(client: SyncPrefectClient) -> None:
    wanted = declared()
    for name, there in _deployed(client).items():
        slugs = {each["slug"] for each in wanted.get(name, {}).get("schedules", [])}
        for schedule in there.schedules:
            if name in wanted and schedule.slug not in slugs:
                client.delete_deployment_schedule(there.id, schedule.id)


def _note_what_is_deployed(client: SyncPrefectClient) -> None:
    value = {"version": __version__, "commit": commit(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    before = client.read_variable_by_name(DEPLOYED)
    if before is None:
        client.create_variable(VariableCreate(name=DEPLOYED, value=value, tags=[_TAG]))
    elif not _same(before.value, value):
        client.update_variable(VariableUpdate(name=DEPLOYED, value=value, tags=[_TAG]))


def _same(before: object, now: Mapping) -> bool:
    return isinstance(before, Mapping) and {**before, "at": ""} == {**now, "at": ""}


def _checks(client: SyncPrefectClient, wait_s: float) -> Iterator[Finding]:
    wanted, deployed = declared(), _deployed(client)
    for name, each in wanted.items():
        yield _in_its_pool(name, each, deployed.get(name))
    for name in sorted(deployed.keys() - wanted.keys()):
        yield Finding(
            "note",
            f"The server has a deployment {name} that prefect.yaml does not name.",
            f"Remove it: `prefect deployment delete {name}`.",
        )
    yield from _scheduled(client, wanted, deployed, wait_s)
    yield from _workers(client, {each["work_pool"]["name"] for each in wanted.values()})
    yield from _automations()
    yield _code(client)


def _in_its_pool(name: str, wanted: Mapping, there: DeploymentResponse | None) -> Finding:
    again = "Run `probatum setup`."
    if there is None:
        return Finding("wrong", f"The deployment {name} is not on the server.", again)
    pool = wanted["work_pool"]["name"]
    if there.work_pool_name != pool:
        return Finding(
            "wrong",
            f"The deployment {name} is in the pool {there.work_pool_name or '(none)'}, not in {pool}.",
            f"See that no pool is the default one (`prefect config view`), then: {again}",
        )
    if there.paused:
        return Finding(
            "wrong",
            f"The deployment {name} is paused, so no run of it starts.",
            f"Start `probatum serve` again, or: {again}",
        )
    slugs, on_server = {each["slug"] for each in wanted.get("schedules", [])}, {s.slug for s in there.schedules}
    if slugs != on_server:
        return Finding("wrong", f"The deployment {name} has other schedules on the server than in prefect.yaml.", again)
    return Finding("ok", f"{name} is in the pool {pool}.")


def _scheduled(
    client: SyncPrefectClient, wanted: Mapping, deployed: Mapping[str, DeploymentResponse], wait_s: float
) -> Iterator[Finding]:
    """A schedule that makes no runs looks healthy; the server's scheduler takes up to a minute to make them."""
    waiting = {n: d for n, d in deployed.items() if n in wanted and not d.paused and any(s.active for s in d.schedules)}
    end = time.monotonic() + wait_s
    while True:
        waiting = {name: each for name, each in waiting.items() if not _has_runs(client, each)}
        if not waiting or time.monotonic() > end:
            break
        time.sleep(1)
    for name in waiting:
        yield Finding(
            "wrong",
            f"{name} has a schedule, but no run is scheduled.",
            "See that the server's scheduler runs (with several API servers: `prefect server services start`), then `probatum setup --check`.",
        )
    if not waiting:
        yield Finding("ok", "Every active schedule has runs to come.")


def _has_runs(client: SyncPrefectClient, deployment: DeploymentResponse) -> bool:
    coming = FlowRunFilter.model_validate({"state": {"type": {"any_": ["SCHEDULED"]}}})
    of_it = DeploymentFilter.model_validate({"id": {"any_": [str(deployment.id)]}})
    return bool(client.read_flow_runs(flow_run_filter=coming, deployment_filter=of_it, limit=1))


def _workers(client: SyncPrefectClient, pools: set[str]) -> Iterator[Finding]:
    for pool in sorted(pools):
        try:
            client.read_work_pool(pool)
            workers = client.read_workers_for_work_pool(pool)
        except ObjectNotFound:
            yield Finding("wrong", f"There is no work pool {pool}.", "Run `probatum setup`.")
            continue
        online = sum(worker.status == "ONLINE" for worker in workers)
        yield (
            Finding("ok", f"{online} worker{'s' if online > 1 else ''} in the pool {pool}.")
            if online
            else Finding(
                "note",
                f"No worker works in the pool {pool}: its runs wait.",
                f"Start one where the work is to be done: `prefect worker start --pool {pool}`.",
            )
        )


def _automations() -> Iterator[Finding]:
    try:
        listed = automations.listed()
    except Misconfigured as error:  # the notifier is not deployed, or a channel names a block that is not there
        yield Finding("wrong", error.happened, error.next)
        return
    wrong = {name: state for name, state in listed.items() if state not in ("on", "off")}
    for name, state in wrong.items():
        yield Finding("wrong", f"The automation {name} is {state}.", "Run `probatum alerts install`.")
    if not wrong:
        yield Finding("ok", "Every automation is there: alerts are sent, dead runs are marked.")


def _code(client: SyncPrefectClient) -> Finding:
    """Whether what is here is what was deployed, and whether it can be named."""
    noted, here = client.read_variable_by_name(DEPLOYED), commit()
    deployed = noted.value.get("commit", "") if noted and isinstance(noted.value, dict) else ""
    if here.endswith("-dirty"):
        return Finding(
            "note", "The checkout has changes that no commit holds.", "Commit them, and run `probatum setup` again."
        )
    if here and deployed != here:
        return Finding(
            "note",
            f"Deployed is {deployed[:12] or 'nothing that was noted'}; the checkout is at {here[:12]}.",
            "Run `probatum setup`.",
        )
    return Finding("ok", f"Deployed is Probatum {__version__}{f', commit {here[:12]}' if here else ''}.")

"""The automations in Prefect, as code: what starts the notifier, what marks dead runs, and what is left when nobody sends.

    install() -> {"Probatum: news of sources": "created", "Probatum: dead runs": "unchanged", "Probatum: old": "removed"}

All carry the tag `probatum-alerts`; what carries it and is no longer named here is removed. One that a person switched
off stays off. Actions of Prefect come at least once: the notifier's ledger makes that once, the last resort does not.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.exceptions import ObjectNotFound

from probatum.alert_kinds import COMPLETED, ENDS, KINDS, READY
from probatum.errors import Misconfigured
from probatum.outcome import POSTPONED, REFUSED
from probatum.routes import Routes, read_routes
from probatum.settings import settings
from tasks.server import the_server

TAG = "probatum-alerts"
NOTIFIER = "notify/notify"  # flow and deployment
RETRAIN = "retrain/retrain"  # started by drift, where it is deployed
POOLS = ("cpu", "gpu")  # whose workers are waited for; that of the alerts themselves has the last resort
_OF_OURS = {"prefect.resource.id": "prefect.tag.probatum"}
_OF_ALERTS = {"prefect.resource.id": f"prefect.tag.{TAG}"}
_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
_HEARTBEAT = "prefect.flow-run.heartbeat"
_LATE = KINDS["run-late"].event
_BROKEN = {KINDS[word].event for word in ("run-failed", "run-crashed")}
_SIGNS_OF_AN_END = {
    f"prefect.flow-run.{name}"
    for name in ("Completed", "Failed", REFUSED, POSTPONED, "Cancelled", "Cancelling", "Crashed", "Paused", "Suspended")
}
_SIGNS_OF_A_START = {
    f"prefect.flow-run.{name}" for name in ("Pending", "Running", "AwaitingConcurrencySlot", "Cancelled", "Cancelling")
}
_MENDED_WITHIN = timedelta(days=60)  # a monthly source that failed succeeds a month later


def install() -> dict[str, str]:
    """Bring the server to what is named here; {automation: what was done}. Raises Misconfigured when a part is missing."""
    with the_server() as client:
        wanted = {each.name: each for each in _shipped(client, read_routes(settings()))}
        done: dict[str, str] = {}
        for there in _ours(client):
            if there.name in wanted and there.name not in done:
                done[there.name] = _brought_up_to(client, there, wanted[there.name])
            else:  # no longer named, or there twice
                client.delete_automation(there.id)
                done.setdefault(there.name, "removed")
        for name in wanted.keys() - done.keys():
            client.create_automation(wanted[name])
            done[name] = "created"
        return dict(sorted(done.items()))


def listed() -> dict[str, str]:
    """{automation: "on", "off", "missing", "changed by hand or by another version" or "no longer named"}."""
    with the_server() as client:
        wanted = {each.name: each for each in _shipped(client, read_routes(settings()))}
        there = {each.name: each for each in _ours(client)}
    states = {name: _state(there.get(name), each) for name, each in wanted.items()}
    return dict(sorted((states | {name: "no longer named" for name in there.keys() - wanted.keys()}).items()))


def _shipped(client: SyncPrefectClient, routes: Routes) -> Iterator[AutomationCore]:
    """Everything there is to install."""
    tell = _notifier(client)
    own = {kind.event for kind in KINDS.values() if kind.event.startswith("probatum.")}
    good = {event for event in ENDS if event.startswith("probatum.")}
    yield _reacting("news of sources", own | good, tell)
    yield _reacting("runs that broke", _BROKEN, tell, match=_RUNS, match_related=_OF_OURS)
    yield _automation("runs that do not start", _not_started(routes), tell)
    yield _reacting(
        "runs that work again",
        {COMPLETED},
        tell,
        match=_RUNS,
        match_related=_OF_OURS,
        after=_BROKEN | {_LATE},
        for_each={"related:deployment:prefect.resource.id"},
        within=_MENDED_WITHIN,
    )
    pools = {"prefect.resource.id": "prefect.work-pool.*", "prefect.resource.name": list(POOLS)}
    yield _reacting("pools without a worker", {KINDS["no-worker"].event, READY}, _telling_of_a_pool(tell), match=pools)
    yield _dead_runs(routes)
    yield from _retraining(client)
    if routes.last_resort:
        yield from _last_resort(routes)


def _not_started(routes: Routes) -> EventTrigger:
    """Prefect calls a run late after 15 seconds, which a busy machine takes; people want to know when it stays so."""
    return EventTrigger(
        posture=Posture.Proactive,
        match=_RUNS,
        match_related=_OF_OURS,
        after={_LATE},
        expect=_SIGNS_OF_A_START | _SIGNS_OF_AN_END,
        for_each={"prefect.resource.id"},
        threshold=1,
        within=routes.late_after,
    )


def _dead_runs(routes: Routes) -> AutomationCore:
    """A run that was alive and gives no sign of life for three heartbeats is crashed, whatever its worker would say."""
    trigger = EventTrigger(
        posture=Posture.Proactive,
        match=_RUNS,
        match_related={"prefect.resource.id": ["prefect.tag.probatum", f"prefect.tag.{TAG}"]},
        after={_HEARTBEAT},
        expect={_HEARTBEAT, *_SIGNS_OF_AN_END},
        for_each={"prefect.resource.id"},
        threshold=1,
        within=routes.dead_after,
    )
    seconds = routes.dead_after.total_seconds()
    crashed = ChangeFlowRunState(state=StateType.CRASHED, message=f"No heartbeat for {seconds:.0f} s: it is dead.")
    return _automation("dead runs", trigger, crashed)


def _retraining(client: SyncPrefectClient) -> Iterator[AutomationCore]:
    """What has drifted is retrained, on the pool its deployment names; nothing where none is deployed. The ledger lets one begin for one drift."""
    try:
        deployment = client.read_deployment_by_name(RETRAIN)
    except ObjectNotFound:
        return
    asked = {
        name: {"__prefect_kind": "jinja", "template": f"{{{{ event.payload.{name} }}}}"}
        for name in ("behaviour", "drift")
    }
    start = RunDeployment(deployment_id=deployment.id, parameters=asked)
    ours = {"prefect.resource.id": "probatum.behaviour.*"}
    yield _reacting("behaviours that drifted", {KINDS["drift"].event}, start, match=ours)


def _last_resort(routes: Routes) -> Iterator[AutomationCore]:
    """The server itself writes when the notifier cannot; it may write twice."""
    send = SendNotification(
        block_document_id=_block_id(routes.channels[routes.last_resort].block),
        subject="Probatum: nobody sends alerts",
        body="The pool `alerts` has no worker, or a message could not be sent. Until that is mended nobody is told of "
        "refused releases and broken runs. Start one: prefect worker start --pool alerts. Then: probatum alerts test",
    )
    pool = {"prefect.resource.id": "prefect.work-pool.*", "prefect.resource.name": "alerts"}
    yield _reacting("no worker for alerts", {KINDS["no-worker"].event}, send, match=pool)
    broken = {KINDS[word].event for word in ("run-failed", "run-crashed")}
    yield _reacting("alerts that were not sent", broken, send, match=_RUNS, match_related=_OF_ALERTS)


def _reacting(name: str, expect: set[str], action, **trigger) -> AutomationCore:
    return _automation(name, EventTrigger(posture=Posture.Reactive, threshold=1, expect=expect, **trigger), action)


def _automation(name: str, trigger: EventTrigger, action) -> AutomationCore:
    return AutomationCore(
        name=f"Probatum: {name}",
        description="Made by `probatum alerts install`, which also removes it; change it there.",
        tags=[TAG],
        trigger=trigger,
        actions=[action],
    )


def _notifier(client: SyncPrefectClient) -> RunDeployment:
    try:
        deployment = client.read_deployment_by_name(NOTIFIER)
    except ObjectNotFound:
        raise Misconfigured(
            f"The server has no deployment {NOTIFIER}, which sends the alerts.",
            safe="No automation was changed.",
            next="Run `prefect --no-prompt deploy --all` in the checkout, then `probatum alerts install`.",
        ) from None
    asked = {
        "event": "event.event",
        "event_id": "event.id",
        "occurred": "event.occurred",
        "resource": "event.resource.id",
    }
    parameters = {name: {"__prefect_kind": "jinja", "template": f"{{{{ {what} }}}}"} for name, what in asked.items()}
    return RunDeployment(deployment_id=deployment.id, parameters=parameters | {"payload": _json("event.payload")})


def _telling_of_a_pool(tell: RunDeployment) -> RunDeployment:
    return tell.model_copy(update={"parameters": tell.parameters | {"payload": _json('{"name": event.resource.name}')}})


def _json(what: str) -> dict:
    """A parameter that is a value and no text."""
    return {"__prefect_kind": "json", "value": {"__prefect_kind": "jinja", "template": f"{{{{ {what} | tojson }}}}"}}


def _block_id(name: str) -> UUID:
    """Of the block the server itself writes to; it can use notification blocks only."""
    try:
        block = Block.load(name)
    except ValueError:
        raise _no_last_resort(f"Prefect has no block {name}", "Make it in Prefect") from None
    if not isinstance(block, NotificationBlock):
        raise _no_last_resort(f"The block {name} is none the server can notify through", "Take a notification block")
    return block._block_document_id


def _no_last_resort(happened: str, advice: str) -> Misconfigured:
    return Misconfigured(
        f"{happened}; it is the last resort of the alerts.",
        safe="No automation was changed.",
        next=f"{advice}, then run `probatum alerts install`.",
    )


def _ours(client: SyncPrefectClient) -> list[Automation]:
    return sorted((each for each in client.read_automations() if TAG in each.tags), key=lambda each: str(each.id))


def _brought_up_to(client: SyncPrefectClient, there: Automation, wanted: AutomationCore) -> str:
    state = _state(there, wanted)
    if state in ("on", "off"):
        return "unchanged" if state == "on" else "unchanged; somebody switched it off"
    client.update_automation(there.id, wanted.model_copy(update={"enabled": there.enabled}))
    return "updated" if there.enabled else "updated; somebody switched it off"


def _state(there: Automation | None, wanted: AutomationCore) -> str:
    if there is None:
        return "missing"
    if _content(there) != _content(wanted):
        return "changed by hand or by another version"
    return "on" if there.enabled else "off"


def _content(automation: AutomationCore) -> dict:
    return automation.model_dump(include={"name", "description", "tags", "trigger", "actions"})

"""Notify: an event becomes an alert, and a channel is told of it, once.

What an event of Prefect's is about is asked of the server: a run's state is quoted only where its words are ours,
because an exception nobody foresaw may quote a document.
"""

import re
from collections.abc import Mapping

from prefect import task
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.utilities.urls import url_for

from probatum import errors
from probatum.alerts import Alert, alert_of
from probatum.errors import Misconfigured, Retryable
from probatum.messages import Message, written
from probatum.notified import Due, Told
from probatum.routes import Channel, read_routes
from probatum.settings import settings
from tasks.server import the_server

_OURS = "|".join(name for name, kind in vars(errors).items() if isinstance(kind, type))
_SAID_BY_US = re.compile(rf"encountered an exception:? ({_OURS}): (.*)", re.S)
_SAID_BY_PREFECT = ("Flow run process exited", "Flow run infrastructure", "No heartbeat")


def _may_work_later(task, run, state) -> bool:
    return not isinstance(state.result(raise_on_failure=False), Misconfigured)


@task(name="understand", timeout_seconds=120, retries=3, retry_delay_seconds=10)
def understood(event: str, event_id: str, occurred: str, resource: str, payload: Mapping) -> Alert | None:
    """The alert of an event; None when it is nobody's news."""
    kind, _, identity = resource.rpartition(".")
    if kind == "prefect.flow-run":
        payload = _run(identity)
        if event.endswith(".Completed") and payload["source"]:
            return None  # the source tells it itself
    elif kind == "prefect.work-pool":
        payload = {"pool": payload.get("name", "")}
    return alert_of(event, id=event_id, occurred=occurred, payload=payload)


def told_to(alert: Alert) -> list[tuple[Channel, Alert]]:
    """Each channel with the part of an alert that is routed to it."""
    return read_routes(settings()).sent_to(alert)


@task(
    name="tell-channel",
    task_run_name="tell-{channel.name}",
    retries=4,
    retry_delay_seconds=[5, 30, 120, 600],
    retry_condition_fn=_may_work_later,
)
def tell_channel(channel: Channel, alert: Alert) -> str:
    """ "told", or "known" when the channel has heard it."""
    with Told(settings().home, channel.name) as told:
        due = told.due(alert)
        if due:
            send(channel, written(alert, due, links_of(alert)))
        told.note(alert)
        return "told" if due else "known"


def send(channel: Channel, message: Message) -> None:
    """Through the block in Prefect; a Secret block holds an address as apprise writes them (mailtos://…, json://…).

    Raises Misconfigured and Retryable, neither with an address or a secret in it.
    """
    block = _block(channel)
    try:
        if isinstance(block, Secret):
            sent = _through_apprise(block.get(), message)
        else:
            with block.raise_on_failure():  # left to itself, a block takes a refusal for a success
                sent = block.notify(body=message.body, subject=message.subject) is not False
    except Exception as failed:
        raise _not_sent(channel, type(failed).__name__) from None
    if not sent:
        raise _not_sent(channel, "no reason was given")


def sent_a_test() -> dict[str, str]:
    """{channel: "sent", or why not} after a message through each that says it is a test."""
    trial = Alert(event="probatum.alerts.test", id="", occurred="", about="alerts", kind="test")
    with the_server():
        return {name: _tried(channel, trial) for name, channel in read_routes(settings()).channels.items()}


def _tried(channel: Channel, trial: Alert) -> str:
    try:
        send(channel, written(trial, Due(), {}))
    except (Misconfigured, Retryable) as failed:
        return failed.happened
    return "sent"


def links_of(alert: Alert) -> dict[str, str]:
    """{what: address} of a run's page, where the server has pages, and of the receipts."""
    run = alert.payload.get("run")
    page = url_for("flow-run", obj_id=run) if run else ""
    return {"Run": page or "", "Receipts": str(alert.payload.get("receipts") or "")}


def _block(channel: Channel) -> Block:
    try:
        return Block.load(channel.block)
    except ValueError:
        raise Misconfigured(
            f"Channel {channel.name} names the block {channel.block}, and Prefect has none of that name.",
            safe="Nothing was sent there.",
            next="Make the block in Prefect, or correct the name; then run `probatum alerts test`.",
        ) from None


def _through_apprise(address: str, message: Message) -> bool:
    from apprise import Apprise, NotifyFormat

    sender = Apprise()
    sender.add(address)
    return bool(sender.notify(body=message.body, title=message.subject, body_format=NotifyFormat.TEXT))


def _not_sent(channel: Channel, why: str) -> Retryable:
    return Retryable(
        f"Channel {channel.name} did not take the message ({why}).",
        safe="Other channels were told.",
        next="Run `probatum alerts test`.",
    )


def _run(identity: str) -> dict:
    """What people need to know of a run; see `probatum.alert_kinds`."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(identity)
        deployment = client.read_deployment(run.deployment_id).name if run.deployment_id else ""
    state, source = run.state, run.parameters.get("source")
    return {
        "run": identity,
        "name": run.name,
        "deployment": deployment or run.name,
        "source": source if isinstance(source, str) else "",
        "state": state.name if state else "",
        "why": _why(state.message or "") if state else "",
    }


def _why(message: str) -> str:
    if said := _SAID_BY_US.search(message):
        return said[2]
    if message.startswith(_SAID_BY_PREFECT):
        return message[:200]
    known = re.search(r"exception:? (\w+)", message)
    return f"an error nobody foresaw{f' ({known[1]})' if known else ''}; its words are in the log of the run"

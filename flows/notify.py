"""Notify: tell people of one event, through every channel it is routed to. Started by the automations (`tasks.automations`).

Automations act at least once, and events have no order; each channel's ledger sees to it that a person hears of a
thing once. A channel that does not answer is tried for a quarter of an hour, and holds up no other.
"""

from prefect import flow
from prefect.states import Completed, Failed, State

from tasks.notify import tell_channel, told_to, understood


@flow(name="notify", flow_run_name="notify-{event}")
def notify(event: str, event_id: str, occurred: str, resource: str, payload: dict | None = None) -> State:
    """Tell of one event; occurred: ISO, UTC; resource: what it is about, as Prefect names it."""
    alert = understood(event, event_id, occurred, resource, payload or {})
    if alert is None:
        return Completed(message="nothing to tell", data={})
    telling = {channel.name: tell_channel.submit(channel, part) for channel, part in told_to(alert)}
    ended = {name: future.result(raise_on_failure=False) for name, future in telling.items()}
    failed = [name for name, said in ended.items() if not isinstance(said, str)]
    if failed:
        return Failed(message=f"not told: {', '.join(failed)}", data={"not_told": failed})
    return Completed(message=", ".join(f"{name}: {said}" for name, said in ended.items()) or "no route", data=ended)

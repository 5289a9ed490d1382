"""Runs the flow that watches, three times in one process: a good release, a confused one, and no probes; prints what came out.

Started by test_watch.py as a process of its own: Prefect reads PREFECT_HOME when it is imported.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from prefect.client.orchestration import get_client
from small_home import drugs, protocols
from test_drift_watching import confused, publish

import tasks.drift
import tasks.probe
from flows.watch import watch
from probatum.encoder import Encoder
from probatum.release import Releases, today
from probatum.settings import settings
from tasks import automations


def main() -> None:
    told = {"first": _run(0)}
    home = settings().home
    manifest = Releases(home).current()
    publish(home, Encoder.load(precision=manifest.encoder.precision), manifest, confused(drugs()), protocols())
    told["second"] = _run(7)
    told["third"] = _run(14)
    print(json.dumps(told | {"automations": _automations()}))


def _automations() -> list:
    """What drift starts: nothing before a deployment `retrain` is there; then an automation that the server takes."""
    with get_client(sync_client=True) as client:
        before = [each.name for each in automations._retraining(client)]
        flow = client.create_flow_from_name("retrain")
        client.create_deployment(flow_id=flow, name="retrain")
        (wanted,) = automations._retraining(client)
        client.create_automation(wanted)
        (there,) = [each for each in client.read_automations() if each.name == wanted.name]
        (action,) = there.actions
        return [before, sorted(there.trigger.expect), there.trigger.match.model_dump(), action.parameters]


def _run(days: int) -> dict:
    """On a day to come: the two tasks that ask for today are told another one."""
    for module in (tasks.probe, tasks.drift):
        module.today = lambda: today() + timedelta(days=days)
    state = watch("test", return_state=True)
    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    return {"type": state.type.value, "message": state.message, "outcome": outcome}


if __name__ == "__main__":
    main()

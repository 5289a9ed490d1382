"""Watch: once a week, ask the probes of what serves, and say whether it still behaves as it did at publication.

    watch()     the probes of all sources (the behaviour `retrieval`), then every behaviour that has figures of its own

Each leaves a report, whatever it says. What has drifted becomes the event `probatum.behaviour.drifted`, which starts the deployment
`retrain` where there is one. Nothing is trained here, and nothing that serves is touched.
"""

from prefect import flow
from prefect.states import Completed, State

from tasks.drift import behaviours, judge_figures, tell_drift
from tasks.probe import probe


@flow(name="watch")
def watch(actor: str = "prefect") -> State:
    """The result is plain JSON: {behaviour: its verdict}, of ids and figures."""
    looks = [probe(actor), *(judge_figures(name, actor) for name in behaviours())]
    for look in looks:
        tell_drift(look, actor)
    verdicts = {look["verdict"]["behaviour"]: look["verdict"] for look in looks}
    return Completed(message="; ".join(f"{name}: {v['state']}" for name, v in verdicts.items()), data=verdicts)

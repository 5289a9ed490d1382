"""Catching up: after an outage every run that came due meanwhile is still there, and one of them is enough.

A scheduled run that finds a later one of its deployment due as well leaves the work to that one, whether it waits, runs
or is done already: a worker takes what is late in any order, or all at once. Runs that somebody started, with parameters
of their own, are left alone; without a server there is nothing to ask.
"""

from datetime import UTC, datetime

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.runtime import deployment, flow_run

_DOES_IT = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.COMPLETED]


def left_to() -> str:
    """The name of the run that does this one's work; "" when this one has to."""
    if not deployment.id:
        return ""
    with get_client(sync_client=True) as client:
        ours = client.read_flow_run(flow_run.id)
        if not ours.auto_scheduled:
            return ""
        doing_it = FlowRunFilterState(type=FlowRunFilterStateType(any_=_DOES_IT))
        due = FlowRunFilterExpectedStartTime(after_=ours.expected_start_time, before_=datetime.now(UTC))
        others = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[ours.deployment_id])),
            flow_run_filter=FlowRunFilter(state=doing_it, expected_start_time=due),
        )
    later = [each for each in others if each.auto_scheduled and each.expected_start_time > ours.expected_start_time]
    return max(later, key=lambda each: each.expected_start_time).name if later else ""

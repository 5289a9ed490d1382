"""Serving: every deployment of prefect.yaml from one process, with its schedules; no pool, no worker.

    probatum serve          until it is stopped (Ctrl-C, or SIGTERM from a service manager)

For a first look and for small sites. When it stops, Prefect pauses the schedules it served, and the next start takes
them up again; runs that came due meanwhile are not made up for: the sources are looked at again the next time.
"""

from prefect import serve
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.deployments.runner import RunnerDeployment

from flows.maintain import maintain
from flows.notify import notify
from flows.publish import publish
from flows.refresh import refresh, refresh_all, refresh_dropped
from flows.watch import watch
from tasks.server import the_server
from tasks.set_up import declared

FLOWS = {
    "flows/refresh.py:refresh": refresh,
    "flows/refresh.py:refresh_all": refresh_all,
    "flows/refresh.py:refresh_dropped": refresh_dropped,
    "flows/publish.py:publish": publish,
    "flows/maintain.py:maintain": maintain,
    "flows/notify.py:notify": notify,
    "flows/watch.py:watch": watch,
}
_AT_ONCE = 2  # runs of one process: a refresh takes a core


def serve_all() -> None:
    """Serve until stopped. Raises as `tasks.server.the_server` when the server is not to be trusted."""
    with the_server():
        pass
    serve(*deployments(), limit=_AT_ONCE, print_starting_message=True)


def deployments() -> list[RunnerDeployment]:
    """What prefect.yaml declares for processors; what needs a GPU waits for a worker that has one."""
    return [
        FLOWS[each["entrypoint"]].to_deployment(
            name=name,
            description=each["description"],
            parameters=each["parameters"],
            tags=each["tags"],
            schedules=[_schedule(said) for said in each["schedules"]],
            concurrency_limit=_limit(each.get("concurrency_limit")),
        )
        for name, each in declared().items()
        if each["work_pool"]["name"] != "gpu"
    ]


def _schedule(said: dict) -> DeploymentScheduleCreate:
    when = (
        CronSchedule(cron=said["cron"], timezone=said["timezone"])
        if "cron" in said
        else IntervalSchedule.model_validate({"interval": said["interval"]})
    )
    return DeploymentScheduleCreate(schedule=when, active=said.get("active", True), slug=said["slug"])


def _limit(said: dict | None) -> ConcurrencyLimitConfig | None:
    return ConcurrencyLimitConfig.model_validate(said) if said else None

"""Probe: the probes of every source are asked of what serves, and judged against its publication."""

from prefect import task

from probatum.drift.watching import Watch
from probatum.release import today
from probatum.settings import settings


@task(name="probe", timeout_seconds=1800, retries=1, retry_delay_seconds=60)
def probe(actor: str) -> dict:
    """The look as plain JSON (`probatum.drift.watching.Look`). Asked again on the same day it takes the place of the first."""
    return Watch(settings(), actor=actor).retrieval(today()).as_json()

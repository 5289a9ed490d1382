"""Publish: a candidate that was held after its audit, by hand: `probatum publish` for those who work through Prefect.

    publish("3f9c0a12be44…")     the digest, or how it begins; without it, the newest

It publishes on the stored audit and asks for no approval: what needs one is refused here, and goes by `probatum approve`.
"""

from prefect import flow
from prefect.states import Completed, Failed, State

from probatum.errors import Conflict, Damaged, Misconfigured, Rejected, Retryable
from tasks import publish as steps


@flow(name="publish")
def publish(candidate: str | None = None, actor: str = "prefect") -> State:
    """The result is plain JSON: {"release": "2026-11-20.1"}, or why not."""
    steps.settle(actor)
    try:
        release = steps.publish(steps.find_candidate(candidate), actor)
    except (Rejected, Conflict, Damaged, Misconfigured, Retryable) as refused:
        name = "Postponed" if isinstance(refused, Retryable) else "Refused"
        return Failed(name=name, message=str(refused), data={"release": "", "exit_code": refused.exit_code})
    return Completed(message=f"release {release} published", data={"release": release, "exit_code": 0})

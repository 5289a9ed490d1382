"""The life of an adapter: which status may follow which, and what is remembered of each change.

    trained -> audited -> champion -> retired          also: trained, audited -> rejected; retired -> champion (a rollback)

One champion a kind and name at a time: promoting one retires the one before in the same write.
"""

from typing import Literal

from pydantic import Field

from probatum.errors import Rejected
from probatum.release import Frozen

Status = Literal["trained", "audited", "champion", "retired", "rejected"]
AFTER: dict[str, tuple[Status, ...]] = {
    "": ("trained",),
    "trained": ("audited", "rejected"),
    "audited": ("champion", "rejected"),
    "champion": ("retired",),
    "retired": ("champion",),
    "rejected": (),
}


class Change(Frozen):
    status: Status
    at: str  # ISO, UTC
    actor: str
    why: str = ""


class Life(Frozen):
    """The changes of one adapter, oldest first. kind and name: what it would be champion of."""

    kind: str
    name: str
    changes: tuple[Change, ...] = Field(min_length=1)

    @property
    def status(self) -> Status:
        return self.changes[-1].status

    def with_change(self, identity: str, change: Change) -> "Life":
        """Raises Rejected for a status that cannot follow."""
        must_be_able_to_follow(identity, self.status, change.status)
        return self.model_copy(update={"changes": (*self.changes, change)})


def must_be_able_to_follow(identity: str, status: str, wanted: Status) -> None:
    if wanted not in AFTER[status]:
        raise Rejected(
            f"Adapter {identity[:12]} is {status}; it cannot become {wanted}.",
            safe="Its status is as it was.",
            next=f"From {status} it can become {' or '.join(AFTER[status]) or 'nothing else: train another'}.",
        )

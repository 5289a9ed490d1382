"""Maintain: once a week, in a quiet hour, so that a home stays whole, small and restorable.

    maintain()     look at every digest, let releases expire, clean up; take a backup, restore it aside and ask it

Where something is damaged nothing is deleted, no backup is taken that would replace a good one, and the run fails.
"""

from prefect import flow
from prefect.states import Completed, Failed, State

from tasks import maintain as steps
from tasks.catching_up import left_to


@flow(name="maintain")
def maintain(actor: str = "prefect") -> State:
    """The result is plain JSON: what was kept, what expired, what is damaged, which backup was drilled."""
    if later := left_to():
        return Completed(message=f"{later}, which is due as well, does it", data={})
    done = steps.maintain(actor)
    if broken := done["broken"]:
        first = f"{broken[0]['path']} {broken[0]['what']}"
        return Failed(message=f"{len(broken)} files are damaged, first {first}; nothing was deleted.", data=done)
    done["backup"] = steps.backup(actor)
    done["drill"] = steps.restore_drill(done["backup"]) if done["backup"] else None
    return Completed(message=f"{len(done['kept'])} releases kept, {len(done['expired'])} expired", data=done)

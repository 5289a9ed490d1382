"""Maintain: look at every digest, let old releases expire, clean and compact; then a backup, and a drill with it."""

from pathlib import Path

from prefect import task

from probatum import backup as backups
from probatum import maintenance
from probatum.retention import read_policy
from probatum.settings import settings


@task(name="maintain", timeout_seconds=6 * 3600)
def maintain(actor: str) -> dict:
    """What was done and what is damaged, as plain JSON (see `probatum.maintenance`)."""
    return maintenance.maintain(settings(), actor=actor).as_json()


@task(name="backup", timeout_seconds=6 * 3600)
def backup(actor: str) -> str:
    """The folder of a new backup, older ones thinned out; "" where no folder for backups is set."""
    chosen = settings()
    if not chosen.backups:
        return ""
    folder = Path(chosen.backups).expanduser()
    taken = backups.take(chosen.home, folder, actor=actor)
    backups.thin_out(folder, read_policy(chosen.expectations).keep_backups)
    return str(taken.path)


@task(name="restore-drill", timeout_seconds=3 * 3600)
def restore_drill(folder: str) -> dict:
    """Restores the backup aside, verifies it and asks it the golden questions. Raises Damaged."""
    from probatum.drill import drill
    from probatum.encoder import Encoder
    from probatum.release import Releases

    chosen = settings()
    made = Releases(chosen.home).current().encoder
    done = drill(chosen, Path(folder), Encoder.load(chosen, precision=made.precision, adapter=made.adapter))
    return {"release": done.release, "files": done.files, "questions": done.questions}

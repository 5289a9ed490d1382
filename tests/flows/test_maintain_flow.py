"""Does the flow of maintenance leave a backup that was restored and asked, and stop before one where something is damaged?"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from databases import ready_home

from probatum.backup import backups

HERE = Path(__file__).parent


@pytest.mark.slow
def test_the_flow_maintains_backs_up_and_drills_and_stops_at_damage(published, tmp_path):
    """P22: the backup of the run was restored aside and gave the same answers; from a damaged home none is taken."""
    settings = {
        "PROBATUM_HOME": str(published.home),
        "PROBATUM_EXPECTATIONS": str(published.expectations),
        "PROBATUM_BACKUPS": str(tmp_path / "backups"),
        "PREFECT_HOME": str(ready_home(tmp_path / "prefect")),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PYTHONPATH": str(HERE.parents[1]),
    }
    ran = subprocess.run([sys.executable, str(HERE / "maintenance_runs.py"), published.home], env=os.environ | settings, capture_output=True, text=True, timeout=400)  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    said = json.loads(ran.stdout.splitlines()[-1])
    whole, damaged = said["whole"], said["damaged"]
    assert whole["type"] == "COMPLETED" and whole["outcome"]["kept"] == {published.manifest.id: "serves"}
    assert (
        whole["outcome"]["drill"]["questions"] > 200 and whole["outcome"]["drill"]["release"] == published.manifest.id
    )
    assert damaged["type"] == "FAILED" and f"blobs/{said['blob']}" in damaged["message"]
    assert [str(b.path) for b in backups(tmp_path / "backups")] == [whole["outcome"]["backup"]]

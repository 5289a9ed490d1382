"""Does a refresh that somebody overtook begin again from what serves now, by itself and through the gate?"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from databases import ready_home
from small_runs import drop, protocol, protocols, write_expectations

from probatum.publish import Publisher
from probatum.release import Releases

HERE = Path(__file__).parent


@pytest.mark.slow
def test_a_refresh_that_was_overtaken_twice_is_audited_anew_and_published(tmp_path):
    """P14: by the flow itself: nobody's release is lost, and nobody has to start it again."""
    home, july = tmp_path / "home", drop(tmp_path / "2026-07", protocols())
    october = drop(tmp_path / "2026-10", protocols() | {"gout.md": protocol("gout", "Rest the joint.")})
    settings = {
        "PROBATUM_HOME": str(home),
        "PROBATUM_EXPECTATIONS": str(write_expectations(tmp_path / "expectations")),
        "PREFECT_HOME": str(ready_home(tmp_path / "prefect")),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PYTHONPATH": f"{HERE.parent}:{HERE.parents[1]}",
    }
    ran = subprocess.run([sys.executable, str(HERE / "overtaken_runs.py"), home, july, october], env=os.environ | settings, capture_output=True, text=True, timeout=600)  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    said = json.loads(ran.stdout.splitlines()[-1])
    line = [manifest.id for manifest in Releases(home).all()]
    assert said["ended"]["published"] == ["guidelines"] and said["ended"]["exit_code"] == 0
    assert line == [line[0], *said["others"], said["ended"]["release"]] and len(said["others"]) == 2
    assert Releases(home).current().id == line[-1] and Publisher(home).journal().verify() == 4

"""Does search notice when Prefect's server dies in the middle of a refresh, and does the next refresh end what it began?"""

import json
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from expecting import ROOT, few_guidelines, write_easy
from prefect_server import Server
from processes import wait_for

from probatum.release import Releases
from probatum.search import Searcher
from probatum.verify import verify

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(encoder, tmp_path_factory):
    """What the runs ended in: the first on a server, the second on one that dies, the third on one that is back."""
    folder = tmp_path_factory.mktemp("gone")
    server = Server(
        folder,
        {"PROBATUM_EXPECTATIONS": str(write_easy(folder / "easy")), "PREFECT_CLIENT_MAX_RETRIES": "1"},
    )
    try:
        origin = few_guidelines(folder, "2026-07")
        first = _run(server, origin, 0)
        later = shutil.copytree(origin, folder / "later")
        path = next(later.glob("*delirium.md"))
        path.write_text(path.read_text("utf-8") + "\nAsk the family what is usual for this person.\n", "utf-8")
        before = Releases(server.home).current()
        searcher = Searcher.open(server.home, encoder)
        asked = [hit.document_id for hit in searcher.search("delirium", k=3)]
        gone = _run(server, later, server.processes[0].pid)
        assert not server._healthy(), gone
        during = (Releases(server.home).current(), [h.document_id for h in searcher.search("delirium", k=3)])
        server.start("server", "start", "--host", "127.0.0.1", "--port", str(urlsplit(server.url).port))
        wait_for(server._healthy, 120, "the server to be back", server.log)
        again = _run(server, later, 0)
        yield {
            "home": server.home,
            "first": first,
            "before": (before, asked),
            "gone": gone,
            "during": during,
            "again": again,
        }
    finally:
        server.stop()


def _run(server: Server, origin, pid: int) -> dict:
    command = [sys.executable, ROOT / "tests" / "flows" / "server_gone_runs.py", origin, str(pid)]
    done = subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_search_does_not_notice_that_the_server_is_gone(told):
    """P47: the same release, the same answers, from a searcher that was open and from one that is opened now."""
    assert told["first"]["ended"]["published"] == ["guidelines"] and told["gone"]["at"]
    assert told["during"] == told["before"]


def test_a_run_without_its_server_publishes_all_or_nothing_and_the_next_one_ends_it(told):
    """P47: whatever became of the run, what serves in the end is whole and holds what the owner changed."""
    ended = told["again"]["ended"]
    assert ended["published"] == ["guidelines"] or ended["unchanged"] == ["guidelines"]
    serving = Releases(told["home"]).current()
    assert serving.parent == told["before"][0].id and verify(told["home"], serving)["tables"] == 2 * len(
        list(serving.all_states())
    )

"""A refresh killed at any moment, not only at its seams: what serves is whole, and run again it ends in the same release.

PROBATUM_KILLS says how often (5 in an ordinary run, 100 in `make test-all`), PROBATUM_SEED which moments; both are in every message.
"""

import os
import random
from datetime import UTC, datetime, timedelta

import pytest
from homes import begin, sweeping
from small_runs import chosen, served

from probatum.maintenance import maintain
from probatum.release import Releases
from probatum.verify import verify

KILLS = int(os.environ.get("PROBATUM_KILLS", "5"))
SEED = int(os.environ.get("PROBATUM_SEED", "20261121"))
SAID = f"PROBATUM_KILLS={KILLS} PROBATUM_SEED={SEED}"


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """(start, undisturbed, {seconds: home}, {seconds: status}, {seconds: served after the kill}, {seconds: served at the end})."""
    start = begin(tmp_path_factory.mktemp("kills"))
    undisturbed = sweeping("record", start.copy("undisturbed"), start.expectations, start.october)["served"]
    took = sweeping("after", start.expectations, start.october, f"undisturbed={start.copy('timed')}")["undisturbed"]
    chance = random.Random(SEED)
    moments = [f"{chance.uniform(0, took):.4f}" for _ in range(KILLS)]
    homes = {seconds: start.copy(f"at-{seconds}") for seconds in moments}
    pairs = [f"{seconds}={home}" for seconds, home in homes.items()]
    ended = sweeping("after", start.expectations, start.october, *pairs, timeout=60 + int(KILLS * (took + 2)))
    after = {seconds: served(home) for seconds, home in homes.items()}
    results = sweeping("again", start.expectations, start.october, *pairs, timeout=60 + int(KILLS * (took + 5)))
    return start, undisturbed, homes, ended, after, results


@pytest.mark.slow
def test_killed_at_random_what_serves_is_wholly_the_old_or_wholly_the_new(killed):
    """P5: SIGKILL to a real process at random moments of its refresh; the pointer names the release before or the one after."""
    start, _, _, ended, after, _ = killed
    before = served(start.start)
    assert sum(status == -9 for status in ended.values()) >= len(ended) * 0.6, (
        f"{SAID}: {ended}"
    )  # the last may have ended
    for seconds, now in after.items():
        if now["current.json"] == before["current.json"]:
            assert {name: now[name] for name in before} == before, f"{SAID}: killed after {seconds} s"


@pytest.mark.slow
def test_run_again_after_a_random_kill_it_ends_in_the_same_release(killed):
    """P5: the same candidate, the same tables, the same parent as the run nobody disturbed; whole to the last byte."""
    _, undisturbed, homes, _, _, results = killed
    for seconds, home in homes.items():
        assert results[seconds] == undisturbed, f"{SAID}: killed after {seconds} s"
        verify(home, Releases(home).current())


@pytest.mark.slow
def test_nothing_a_killed_run_left_outlives_the_retention(killed):
    """P5: half-written files, orphaned versions and temporary names are gone after maintenance; nothing is called damaged."""
    start, _, homes, _, _, _ = killed
    later = datetime.now(UTC) + timedelta(days=365)
    for seconds, home in list(homes.items())[:10]:
        done = maintain(chosen(home, start.expectations), actor="t", now=later)
        assert done.broken == (), f"{SAID}: killed after {seconds} s: {done.broken}"
        left = [p for p in home.rglob("*") if p.is_file() and (p.name.startswith(".") or ".part" in p.name)]
        assert left == [], f"{SAID}: killed after {seconds} s"
        verify(home, Releases(home).current())

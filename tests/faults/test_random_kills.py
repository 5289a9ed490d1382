"""A refresh killed at any moment, not only at its seams: what serves is whole, and run again it ends in the same release.

PROBATUM_KILLS says how often (3 in an ordinary run, 100 in `make test-all`), PROBATUM_SEED which moments; both are in every message.
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

KILLS = int(os.environ.get("PROBATUM_KILLS", "3"))
SEED = int(os.environ.get("PROBATUM_SEED", "20261121"))
SAID = f"PROBATUM_KILLS={KILLS} PROBATUM_SEED={SEED}"


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """(start, undisturbed, {share: home}, {share: status}, {share: served after the kill}, {share: served at the end})."""
    start = begin(tmp_path_factory.mktemp("kills"))
    alone, chance = start.copy("undisturbed"), random.Random(SEED)
    homes = {share: start.copy(f"at-{share}") for share in (f"{chance.random():.6f}" for _ in range(KILLS))}
    pairs = [f"{share}={home}" for share, home in homes.items()]
    long = 300 + 20 * KILLS
    ended = sweeping("after", start.expectations, start.october, alone, *pairs, timeout=long)
    after = {share: served(home) for share, home in homes.items()}
    results = sweeping("again", start.expectations, start.october, *pairs, timeout=long)
    state = Releases(alone).current()
    tables = state.sources["guidelines"]
    undisturbed = {
        "candidate": state.candidate,
        "parent": state.parent,
        "documents": tables.documents.digest,
        "texts": tables.texts.digest,
    }
    return start, undisturbed, homes, ended, after, results


@pytest.mark.slow
def test_killed_at_random_what_serves_is_wholly_the_old_or_wholly_the_new(killed):
    """P5: SIGKILL to a real process at random moments of its refresh; the pointer names the release before or the one after."""
    start, _, _, ended, after, _ = killed
    before = served(start.start)
    assert sum(status == -9 for status in ended.values()) >= len(ended) * 0.6, (
        f"{SAID}: {ended}"
    )  # the last may have ended
    for share, now in after.items():
        if now["current.json"] == before["current.json"]:
            assert {name: now[name] for name in before} == before, f"{SAID}: killed after {share} of it"


@pytest.mark.slow
def test_run_again_after_a_random_kill_it_ends_in_the_same_release(killed):
    """P5: the same candidate, the same tables, the same parent as the run nobody disturbed; whole to the last byte."""
    _, undisturbed, homes, _, _, results = killed
    for share, home in homes.items():
        assert results[share] == undisturbed, f"{SAID}: killed after {share} of it"
        verify(home, Releases(home).current())


@pytest.mark.slow
def test_nothing_a_killed_run_left_outlives_the_retention(killed):
    """P5: half-written files, orphaned versions and temporary names are gone after maintenance; nothing is called damaged."""
    start, _, homes, _, _, _ = killed
    later = datetime.now(UTC) + timedelta(days=365)
    for share, home in list(homes.items())[:10]:
        done = maintain(chosen(home, start.expectations), actor="t", now=later)
        assert done.broken == (), f"{SAID}: killed after {share} of it: {done.broken}"
        left = [p for p in home.rglob("*") if p.is_file() and (p.name.startswith(".") or ".part" in p.name)]
        assert left == [], f"{SAID}: killed after {share} of it"
        verify(home, Releases(home).current())

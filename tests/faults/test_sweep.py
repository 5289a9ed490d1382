"""A refresh killed at any of its seams changes nothing served, and run again it ends in the same release.

The seams are found by recording them, so a new step is covered on the day it is written: all of them in `make test-all`,
ten in an ordinary run, other ones with another PROBATUM_SEED.
"""

import pytest
from homes import begin, some_of, sweeping
from small_runs import served

PUBLISHED = ("after-pointer",)  # what is killed later has published


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """(undisturbed, {seam: how its process ended}, {seam: served before}, {seam: served after}, {seam: result of the re-run}, homes)."""
    start = begin(tmp_path_factory.mktemp("sweep"))
    undisturbed = sweeping("record", start.copy("undisturbed"), start.expectations, start.october)
    homes = {seam: start.copy(f"at-{seam}") for seam in some_of(undisturbed["seams"], 10)}
    pairs = [f"{seam}={home}" for seam, home in homes.items()]
    before = served(start.start)
    ended = sweeping("kill", start.expectations, start.october, *pairs)
    after = {seam: served(home) for seam, home in homes.items()}
    results = sweeping("again", start.expectations, start.october, *pairs)
    return undisturbed, ended, before, after, results, homes


@pytest.mark.slow
def test_a_refresh_passes_the_seams_there_are(sweep):
    """P5: the sweep covers every step from the bytes to the pointer."""
    passed = sweep[0]["seams"]
    assert passed[0] == "after-fetch" and passed[-1] == "after-pointer"
    for step in (
        "after-snapshot",
        "after-parse",
        "before-write-",
        "after-encode-part",
        "after-write-",
        "after-index-",
        "after-manifest",
    ):
        assert any(seam.startswith(step) for seam in passed), step
    assert len(passed) >= 10


@pytest.mark.slow
def test_every_process_was_killed_where_it_should_be(sweep):
    """P5: a sweep in which nothing died would prove nothing."""
    assert sweep[1] == dict.fromkeys(sweep[5], -9)


@pytest.mark.slow
def test_what_serves_is_as_it_was_or_wholly_the_new(sweep):
    """P5: killed before the pointer moved, the pointer and every release are as they were; after it, the new one serves whole."""
    _, _, before, after, _, _ = sweep
    for seam, now in after.items():
        if seam in PUBLISHED:
            assert now["current.json"] != before["current.json"]
            continue
        assert now["current.json"] == before["current.json"], seam
        assert {name: now[name] for name in before} == before, seam


@pytest.mark.slow
def test_run_again_it_ends_in_the_same_release(sweep):
    """P5: same candidate, same tables, same parent as the run that nobody disturbed."""
    undisturbed, _, _, _, results, homes = sweep
    assert results == dict.fromkeys(homes, undisturbed["served"])


@pytest.mark.slow
def test_run_again_it_is_whole_and_has_one_case_in_quarantine(sweep):
    """P5: what serves after the re-run verifies to the last byte, and the refused file was not filed twice."""
    from probatum.quarantine import Quarantine
    from probatum.release import Releases
    from probatum.verify import verify

    for seam, home in sweep[5].items():
        verify(home, Releases(home).current())
        assert [kept.files[0] for kept in Quarantine(home).all()] == ["burns.md"], seam

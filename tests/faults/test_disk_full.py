"""The disk is full, at every step there is: what serves is as it was, the message says how much is needed, and afterwards it goes on.

Full is simulated twice: by a limit on the size of every file from a seam on (RLIMIT_FSIZE 0: no byte can be written), in a
process of its own for each seam; and by a real file system of a few MiB, where one may be mounted.
"""

import os
import shutil
import subprocess

import pytest
from homes import begin, some_of, sweeping
from small_runs import served

from probatum.release import Releases
from probatum.scrub import scrub
from probatum.verify import verify

PUBLISHED = ("after-pointer",)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return begin(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def filled(start):
    """(undisturbed, {seam: home}, {seam: what was said}, {seam: served then}, {seam: served at the end})."""
    undisturbed = sweeping("record", start.copy("undisturbed"), start.expectations, start.october)
    homes = {seam: start.copy(f"at-{seam}") for seam in some_of(["from the start", *undisturbed["seams"]], 4)}
    pairs = [f"{seam}={home}" for seam, home in homes.items()]
    said = sweeping("full", start.expectations, start.october, *pairs)
    then = {seam: served(home) for seam, home in homes.items()}
    return undisturbed, homes, said, then, sweeping("again", start.expectations, start.october, *pairs)


@pytest.mark.slow
def test_a_full_disk_is_said_in_words_with_how_much_is_needed(filled):
    """P18: at every seam the same error that may be tried again, what it needs, what is free, and what serves."""
    for seam, told in filled[2].items():
        assert told["error"] == "Retryable", f"{seam}: {told}"
        assert "It needs about 64 MiB" in told["happened"] and "MiB are free" in told["happened"], seam
        assert ("was published and serves" in told["safe"]) == (seam in PUBLISHED), f"{seam}: {told}"
        assert "probatum maintain" in told["next"]


@pytest.mark.slow
def test_nothing_served_changes_while_the_disk_is_full(start, filled):
    """P18: pointer and manifests are byte for byte what they were; after the pointer moved, the new release is whole."""
    before = served(start.start)
    for seam, then in filled[3].items():
        if seam not in PUBLISHED:
            assert {name: then[name] for name in before} == before, seam
            assert then["current.json"] == before["current.json"], seam


@pytest.mark.slow
def test_with_room_again_the_refresh_ends_in_the_same_release(filled):
    """P18: no half file was trusted: the same tables as the run nobody disturbed, and nothing damaged."""
    undisturbed, homes, _, _, results = filled
    assert results == dict.fromkeys(homes, undisturbed["served"])
    for seam, home in homes.items():
        verify(home, Releases(home).current())
        assert scrub(home).broken == (), seam


@pytest.mark.slow
def test_on_a_small_file_system_that_is_full_nothing_changes_and_room_mends_it(start, tmp_path):
    """P18: a real file system without a free byte; a larger one lets the same refresh through."""
    disk = tmp_path / "disk"
    disk.mkdir()
    taken = sum(p.stat().st_size for p in start.start.rglob("*") if p.is_file())
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={taken * 2 + (8 << 20)}", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("nobody may mount a file system here; the limit on file sizes stands for it")
    try:
        home = shutil.copytree(start.start, disk / "home")
        before = served(home)
        filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError, match="No space left"):
            while os.write(filler, b"\0" * 4096):
                pass
        os.close(filler)
        told = sweeping("full", start.expectations, start.october, f"never={home}")["never"]
        assert told["error"] == "Retryable" and "No space left on device" in told["happened"], told
        assert served(home) == before
        (disk / "filler").unlink()
        result = sweeping("again", start.expectations, start.october, f"after={home}")["after"]
        assert result["parent"] and verify(home, Releases(home).current())
    finally:
        subprocess.run(["umount", str(disk)], check=True)

"""Do homes that earlier versions left open, answer, verify and go on; and is one from a later version refused?

`homes/` holds one home a version, as `make_home.py` wrote it then.
"""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from make_home import found
from small_home import RememberingEncoder, drugs, write, write_expectations

from probatum import __version__
from probatum.audit import audit
from probatum.candidates import candidate_of
from probatum.errors import Damaged, Misconfigured
from probatum.files import write_sealed
from probatum.home_format import FORMAT
from probatum.journal import Journal
from probatum.publish import Publisher
from probatum.release import Releases
from probatum.scrub import scrub
from probatum.search import Searcher
from probatum.settings import Settings
from probatum.verify import verify

HOMES = sorted((Path(__file__).parent / "homes").glob("*.zip"))


@pytest.fixture(scope="module")
def fp32(tmp_path_factory):
    from probatum.encoder import Encoder

    return RememberingEncoder(Encoder.load(Settings(home=tmp_path_factory.mktemp("none"), encoder_precision="fp32")))


@pytest.fixture(scope="module", params=HOMES, ids=lambda path: path.stem)
def unpacked(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def old(unpacked, tmp_path):
    return shutil.copytree(unpacked / "home", tmp_path / "old")


def test_there_is_a_home_of_this_version():
    """P24: or the next version could not be tried on it."""
    assert __version__ in {path.stem for path in HOMES}


def test_an_old_home_answers_as_it_did_and_is_whole(unpacked, old, fp32):
    """P24: the same documents to the same questions, every digest as it was written."""
    assert found(Searcher.open(old, fp32)) == json.loads((unpacked / "answers.json").read_text("utf-8"))
    serving = Releases(old).current()
    assert verify(old, serving)["tables"] == 4 and scrub(old).broken == ()


def test_an_old_home_takes_a_new_release_and_gives_the_old_one_back(old, fp32, tmp_path):
    """P24: through the gate of this version; nothing is converted, so going back needs nothing."""
    before = Releases(old).current()
    expectations = write_expectations(tmp_path / "expectations")
    changed = [replace(d, meta=d.meta | {"tier": "9"}) if d.id == "D-0003" else d for d in drugs()]
    state = write(old, fp32, "formulary", changed, serving=before.sources["formulary"])
    candidate = candidate_of(before, fp32.identity, {"formulary": state})
    report = audit(old, expectations, candidate, fp32, serving=before)
    released = Publisher(old).publish(candidate, report, actor="t")
    assert Releases(old).current() == released and verify(old, released)["tables"] == 4
    assert Publisher(old).rollback(None, actor="t") == before
    assert Journal(old / "journal.jsonl").verify() == 3


def test_a_home_of_a_later_version_is_refused_with_the_version_it_needs(old):
    """P24: nothing is read, so nothing is misread, and nothing is written."""
    serving = Releases(old).current().id
    write_sealed(old / "format.json", {"format": FORMAT + 1, "written_by": "7.2.0"})
    for read in (Releases(old).current, lambda: Releases(old).read(serving), lambda: Publisher(old).rollback(None, actor="t")):  # fmt: skip
        with pytest.raises((Misconfigured, Damaged)) as refused:
            read()
    assert isinstance(refused.value, Misconfigured) and "Probatum 7.2.0 or later" in refused.value.next


def test_a_home_without_a_format_was_made_before_there_was_one(old, fp32):
    """P24: and is read as ever."""
    (old / "format.json").unlink()
    assert Searcher.open(old, fp32).search("apixaban", k=1)

"""What is an owner told whose slip it was, and the owners beside him who made none?"""

import pytest
from small_home import report_of
from small_runs import chosen, drop, loaded_once, protocol, protocols, write, write_expectations

from probatum import pipeline
from probatum.dropzone import read_drop
from probatum.publish import Publisher
from probatum.receipts import Run, receipts_of
from sources.guidelines import Guidelines

SCALDS = protocol("burns").replace("Burns", "Scalds").replace("burns", "scalds")
SUPERSEDES = 'supersedes = "burns.md"\n'


@pytest.fixture(scope="module", autouse=True)
def one_encoder(encoder):
    with loaded_once(encoder):
        yield


@pytest.fixture(scope="module")
def expectations(tmp_path_factory):
    return write_expectations(tmp_path_factory.mktemp("asked") / "expectations")


def told(settings, folder, files):
    """{file: its receipt} of what lies in a folder called incoming, once it is published."""
    origin = drop(folder / "incoming", files)
    snapshot = pipeline.fetch(settings, Guidelines(), origin)
    parsed, state = pipeline.parse(settings, Guidelines(), snapshot), write(settings, Guidelines(), origin)
    candidate = pipeline.assemble(settings, [state])
    value = pipeline.read_candidate(settings, candidate)
    manifest = Publisher(settings.home).publish(value, report_of(value), actor="test")
    run = Run(Guidelines(), snapshot, parsed, state, candidate, manifest.id)
    return {r.file: r for r in receipts_of(settings, read_drop(settings.home, "guidelines"), run)}


def test_who_wrote_a_sidecar_that_says_what_cannot_be_is_told_so_in_its_own_receipt(tmp_path, expectations):
    """P7: the document beside it is refused for the same reason, and the others are served."""
    settings = chosen(tmp_path / "home", expectations)
    receipts = told(settings, tmp_path, protocols() | {"burns.md.probatum.toml": 'stauts = "current"\n'})
    wrong, document = receipts.pop("burns.md.probatum.toml"), receipts.pop("burns.md")
    assert wrong.status == document.status == "refused" and wrong.case == document.case != ""
    assert "stauts" in wrong.summary and wrong.next
    assert {receipt.status for receipt in receipts.values()} == {"served"}


def test_who_is_superseded_is_told_by_what_and_who_is_withdrawn_is_told_that(tmp_path, expectations):
    settings = chosen(tmp_path / "home", expectations)
    beside = {"scalds.md.probatum.toml": SUPERSEDES, "gout.md.probatum.toml": 'status = "withdrawn"\n'}
    receipts = told(settings, tmp_path, protocols() | {"scalds.md": SCALDS} | beside)
    assert (receipts["burns.md"].status, receipts["burns.md"].summary) == ("left out", "It is superseded by scalds.md.")
    assert receipts["gout.md"].status == "left out" and "withdrawn" in receipts["gout.md"].summary
    assert receipts["gout.md.probatum.toml"].status == "described" and receipts["scalds.md"].status == "served"

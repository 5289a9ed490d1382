"""The mass-delete breaker lets through what is ordinary or reviewed, and nothing else."""

import json
from datetime import UTC, date, datetime

import pytest

from probatum.breaker import check_loss
from probatum.errors import Misconfigured, Rejected
from probatum.known_differences import reviewed_counts
from probatum.records import SourceRelease
from probatum.release import EncoderState, Manifest, SourceState, TableVersion

RELEASE = SourceRelease("icd10", "2026-10-01", date(2026, 10, 1), "public domain", "test")
SNAPSHOT = "3f9c0a12" + "0" * 56

ACCEPTED = {
    "release": "2026-10-01",
    "documents": 700,
    "reason": "two chapters moved",
    "role": "coding lead",
    "reviewed_on": "2026-10-02",
}


def serving(documents):
    table = TableVersion(name="icd10-documents", version=1, rows=documents, digest="d")
    state = SourceState(
        release="2026-04-01",
        valid_from=date(2026, 4, 1),
        licence="",
        origin="",
        snapshot="s",
        documents=table,
        texts=table,
        made_by="m",
    )
    encoder = EncoderState(name="e", revision="1", digest="d", width=3, precision="fp32")
    now = datetime(2026, 10, 1, tzinfo=UTC)
    return Manifest(
        id="2026-10-01.2", parent="", created=now, candidate="c", audit="a", sources={"icd10": state}, encoder=encoder
    )


def check(folder, documents, before, allowed=0.05, gone=None):
    """gone: by default nothing new came, so that what is missing is gone."""
    served = before.sources["icd10"].documents.rows if before and before.sources else 0
    gone = max(0, served - documents) if gone is None else gone
    check_loss(RELEASE, SNAPSHOT, documents, before, gone=gone, allowed=allowed, expectations=folder)


def record(folder, *lines):
    path = folder / "known_differences" / "icd10.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")


def test_a_source_that_lost_a_fifth_is_refused_in_words_that_help(tmp_path):
    """P7: figures, what serves, and where to record that it is right."""
    with pytest.raises(Rejected) as refused:
        check(tmp_path, 61_204, serving(74_719))
    assert str(refused.value) == (
        "icd10 snapshot 3f9c0a12… has 61,204 documents; of the 74,719 that serve 13,515 are gone (18%, 5% allowed). "
        "Nothing was published; release 2026-10-01.2 still serves. "
        "If this is right, record it in expectations/known_differences/icd10.jsonl and run the same refresh again."
    )


@pytest.mark.parametrize(
    ("documents", "passes"), [(1000, True), (5000, True), (951, True), (950, True), (949, False), (0, False)]
)
def test_the_share_that_is_allowed_is_allowed_to_the_last_document(tmp_path, documents, passes):
    """P7: 5 % of 1,000 are 50, not 51."""
    if passes:
        check(tmp_path, documents, serving(1000))
    else:
        with pytest.raises(Rejected):
            check(tmp_path, documents, serving(1000))


def test_what_came_instead_does_not_make_up_for_what_is_gone(tmp_path):
    """P7: a file laid out anew, in which every id is another, has lost everything."""
    with pytest.raises(Rejected, match="1,000 are gone"):
        check(tmp_path, 1000, serving(1000), gone=1000)
    check(tmp_path, 1000, serving(1000), gone=50)


@pytest.mark.parametrize("allowed", [0.05, 0.07, 0.10, 0.14, 0.20, 0.29])
@pytest.mark.parametrize("before", [100, 700, 1000, 98_500])
def test_the_allowed_share_is_exact_whatever_its_binary_digits(tmp_path, before, allowed):
    """P7: a share of a whole number of documents is that number."""
    check(tmp_path, before - round(before * allowed), serving(before), allowed)


def test_a_first_release_may_have_any_size(tmp_path):
    check(tmp_path, 1, None)
    check(tmp_path, 1, serving(1000).model_copy(update={"sources": {}}))


def test_a_reviewed_loss_passes_for_its_release_and_its_number_only(tmp_path):
    """P7: somebody accepted 700 documents of 2026-10-01, and neither 699 nor those of another release."""
    line = ACCEPTED
    record(tmp_path, line, "", line | {"release": "2027-10-01", "documents": 600})
    check(tmp_path, 700, serving(1000))
    for documents in (699, 701, 600):
        with pytest.raises(Rejected):
            check(tmp_path, documents, serving(1000))
    assert reviewed_counts(tmp_path, "icd10", "2027-10-01") == {600}
    assert reviewed_counts(tmp_path, "formulary", "2026-10-01") == set()


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "null",
        ACCEPTED | {"documents": "many"},
        ACCEPTED | {"reason": ""},
        ACCEPTED | {"role": ""},
        ACCEPTED | {"reviewed_on": "soon"},
        ACCEPTED | {"release": ""},
        ACCEPTED | {"question": "icd10-017"},
        {name: value for name, value in ACCEPTED.items() if name != "reason"},
    ],
)
def test_a_line_that_accepts_nothing_is_named(tmp_path, line):
    """P51: a slip in a reviewed file stops the run and says where; it neither passes nor vanishes."""
    record(tmp_path, ACCEPTED, line)
    with pytest.raises(Misconfigured, match=r"icd10\.jsonl, line 2, is no known difference"):
        check(tmp_path, 700, serving(1000))

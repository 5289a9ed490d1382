"""Which edition of a source answers on which day: in force, replaced, staged; and is every one of them kept whole?"""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_home import RELEASED, drugs, marked, report_of, write

from probatum.candidates import candidate_of
from probatum.errors import Damaged, Rejected
from probatum.lookup import look_up
from probatum.publish import Publisher
from probatum.release import Candidate, EncoderState, SourceState, TableVersion, today, with_edition
from probatum.search import Searcher
from probatum.verify import verify

TOMORROW = today() + timedelta(days=1)
AFTER_IT = today() + timedelta(days=2)
WORDS = "zyxovir 40 mg sachet"
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))
ENCODER = EncoderState(name="any", revision="1", digest="e", width=1, precision="fp32")


def publish(published, documents):
    """The formulary of these documents, published beside what serves."""
    serving = Publisher(published.home).current()
    state = write(published.home, published.encoder, "formulary", documents, serving=serving.sources["formulary"])
    candidate = candidate_of(serving, published.encoder.identity, {"formulary": state})
    return Publisher(published.home).publish(candidate, report_of(candidate), actor="test")


def found(published, question: str, **day) -> list[str]:
    hits = Searcher.open(published.home, published.encoder).search(question, source="formulary", **day)
    return [hit.title for hit in hits]


def with_a_new_drug(day: date):
    documents = drugs(day)
    return [*documents, marked(documents[0], WORDS, "D-9999")]


def test_a_release_for_a_day_to_come_is_staged_and_takes_over_on_its_day(published, monkeypatch):
    """P8: what is not in force yet is not returned as current, and needs nobody to wake up when it is."""
    manifest = publish(published, with_a_new_drug(TOMORROW))
    assert manifest.in_force(today())["formulary"].valid_from == RELEASED
    assert WORDS not in found(published, WORDS)
    searcher = Searcher.open(published.home, published.encoder)
    assert WORDS not in [hit.title for hit in searcher.search(WORDS, source="formulary")]
    monkeypatch.setattr("probatum.search.today", lambda: TOMORROW)
    assert searcher.search(WORDS, source="formulary")[0].title == WORDS  # the same process, after midnight
    assert found(published, WORDS)[0] == WORDS


def test_a_question_about_a_day_is_answered_from_what_was_in_force_on_it(published):
    second = RELEASED + timedelta(days=30)
    publish(published, with_a_new_drug(second))
    assert found(published, WORDS, as_of=second)[0] == WORDS
    assert WORDS not in found(published, WORDS, as_of=second - timedelta(days=1))
    hits = Searcher.open(published.home, published.encoder).search(
        drugs()[0].title, source="formulary", as_of=second - timedelta(days=1)
    )
    assert hits[0].valid_from == RELEASED.isoformat()


def test_a_day_before_the_first_edition_is_refused_in_words(published):
    searcher = Searcher.open(published.home, published.encoder)
    with pytest.raises(Rejected, match="took force on"):
        searcher.search("furosemide", source="formulary", as_of=RELEASED - timedelta(days=1))


def test_an_older_edition_that_comes_late_does_not_replace_the_one_in_force(published):
    """P7: somebody who refreshes from last year's file does not turn the clock back."""
    publish(published, with_a_new_drug(RELEASED - timedelta(days=90)))
    assert WORDS not in found(published, WORDS)
    assert found(published, WORDS, as_of=RELEASED - timedelta(days=1))[0] == WORDS


def test_a_document_is_shown_as_it_was_on_a_day(published):
    manifest = publish(published, with_a_new_drug(TOMORROW))
    assert look_up(published.home, manifest, "D-9999", None, TOMORROW)["title"] == WORDS
    with pytest.raises(Rejected, match="no document"):
        look_up(published.home, manifest, "D-9999", None)


def test_every_edition_is_verified_and_protected(published):
    """P13: damage in an edition that is only staged is noticed before its day comes."""
    manifest = publish(published, with_a_new_drug(TOMORROW))
    assert verify(published.home, manifest)["tables"] == 6
    earlier = manifest.editions["formulary"][0]
    broken = earlier.documents.model_copy(update={"digest": "0" * 64})
    forged = manifest.model_copy(
        update={"editions": {"formulary": (earlier.model_copy(update={"documents": broken}),)}}
    )
    with pytest.raises(Damaged):
        verify(published.home, forged)


def test_a_manifest_without_other_editions_is_written_as_ever(published_once):
    """P24: a release that was published before there were editions keeps its digest."""
    assert "editions" not in published_once.manifest.model_dump(mode="json")


def state_of(name: str, day: date) -> SourceState:
    table = TableVersion(name="t", version=1, rows=1, digest=name)
    return SourceState(
        release=name, valid_from=day, licence="", origin="", snapshot=name, documents=table, texts=table, made_by=name
    )


@given(st.lists(DAYS, min_size=1, max_size=9, unique=True), DAYS)
def test_what_is_in_force_is_the_latest_that_has_begun(days, asked):
    """P23: whatever order editions come in, and whichever came last."""
    known: dict[str, tuple[SourceState, ...]] = {}
    for day in days:
        new = state_of(day.isoformat(), day)
        known["icd10"] = (new, *with_edition(known, "icd10", new))
    content = Candidate(
        parent="", sources={"icd10": known["icd10"][0]}, editions={"icd10": known["icd10"][1:]}, encoder=ENCODER
    )
    begun = [day for day in days if day <= asked]
    assert content.in_force(asked)["icd10"].valid_from == (max(begun) if begun else min(days))


@given(DAYS, st.booleans())
def test_an_edition_of_the_same_name_or_the_same_day_gives_way(day, same_name):
    old = state_of("2026-10", day)
    new = state_of("2026-10", day + timedelta(days=3)) if same_name else state_of("other", day)
    assert with_edition({"icd10": (old,)}, "icd10", new) == ()

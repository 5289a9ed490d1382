"""Can a reader be shown what was never published, or get around a filter, or an answer from vectors that do not belong?"""

import shutil
import threading
import time
from dataclasses import replace

import lancedb
import numpy as np
import pytest
from small_home import drugs, marked, report_of, write

from probatum.audit import audit
from probatum.candidates import candidate_of
from probatum.encoder import Encoder
from probatum.errors import Damaged, Misconfigured, Rejected
from probatum.publish import Publisher
from probatum.release import Releases
from probatum.seals import Seals
from probatum.search import MOST_HITS, Searcher
from probatum.tables import ENCODER_KEY, open_table

MARKER = "Zanamarkine 7 mg lozenge"
SEARCHES, THREADS = 2_000, 4
ATTACKS = [
    "x' OR '1'='1",
    "x' OR 1=1 --",
    "' OR tier IS NOT NULL OR tier='",
    'x" OR "1"="1',
    "'",
    '"',
    "''",
    "\\",
    "\\'",
    "%",
    "1' UNION SELECT * FROM texts; DROP TABLE texts",
    "`tier`",
    "tier",
    "${tier}",
    "\x00",
    "1\x00",
    "\n",
    "１",  # a full-width digit is another value than 1
    "é漢😀\u202e",
    "\ud800",
    "true",
    "NULL",
    "",
    " 1",
    "1" * 1_000_000,
]
FILTERS = ("billable", "tier", "restriction", "document_id", "family", "kind")


@pytest.fixture(scope="module")
def searcher(published_once):
    return published_once.searcher()


def texts_of(published):
    state = published.manifest.sources["formulary"].texts
    return open_table(published.home / "lance", state.name, state.version)


def test_two_thousand_searches_never_see_a_row_that_is_not_published(published):
    """P1: a marker is written, changed and indexed again and again in the tables that serve, and never published."""
    encoder, home = published.encoder, published.home
    serving = published.manifest.sources["formulary"]
    encoder.encode([MARKER])
    seen, searched, failures = [], [], []
    writing = threading.Event()

    def search():
        try:
            here = published.searcher()
            for n in range(SEARCHES // THREADS):
                here = published.searcher() if n % 25 == 0 else here
                hits = here.search(MARKER, source="formulary", k=3)
                searched.append(writing.is_set())
                seen.extend(h for h in hits if "markine" in f"{h.title}{h.text}{h.matched}{h.members}")
        except BaseException as error:  # a thread's error is nobody's unless it is handed over
            failures.append(error)
            raise

    readers = [threading.Thread(target=search) for _ in range(THREADS)]
    for reader in readers:
        reader.start()
    writing.set()
    rounds = 0
    while any(reader.is_alive() for reader in readers):
        marker = replace(marked(drugs()[0], MARKER, "D-9999"), meta={"tier": str(rounds)})
        state = write(home, encoder, "formulary", [*drugs(), marker], serving=serving)
        rounds += 1
        time.sleep(0.3)  # the readers are what is to be kept busy
    assert not failures and len(searched) == SEARCHES and sum(searched) > SEARCHES / 2 and rounds > 1
    assert seen == []
    candidate = candidate_of(published.manifest, encoder.identity, {"formulary": state})
    found = Searcher.of(home, candidate, encoder).search(MARKER, source="formulary")
    assert found[0].document_id == "D-9999"  # it was there to be seen
    Publisher(home).publish(candidate, report_of(candidate), actor="t")
    assert published.searcher().search(MARKER, source="formulary")[0].document_id == "D-9999"


def renamed(published, digest):
    """The same release, whose table of drug texts says it belongs to another encoder."""
    state = published.manifest.sources["formulary"]
    database = lancedb.connect(published.home / "lance")
    rows = database.open_table(state.texts.name).to_arrow()
    metadata = {ENCODER_KEY: digest.encode()} if digest else {}
    database.drop_table(state.texts.name)
    table = database.create_table(state.texts.name, rows.replace_schema_metadata(metadata))
    Seals(published.home).forget(state.texts.name)
    Seals(published.home).seal(state.texts.name)
    moved = state.texts.model_copy(update={"version": table.version})
    sources = {**published.manifest.sources, "formulary": state.model_copy(update={"texts": moved})}
    return published.manifest.model_copy(update={"sources": sources})


@pytest.mark.parametrize("digest", ["f" * 64, ""], ids=["another encoder", "no encoder"])
def test_a_table_written_by_another_encoder_is_neither_searched_nor_published(published, digest):
    """P11: refused as damaged, not warned about."""
    manifest = renamed(published, digest)
    with pytest.raises(Damaged, match=r"was written by encoder (ffff|unknown)"):
        Searcher.of(published.home, manifest, published.encoder)
    candidate = candidate_of(manifest, published.encoder.identity, {})
    with pytest.raises(Damaged, match="vectors of two encoders are never compared"):
        audit(published.home, published.expectations, candidate, published.encoder)
    candidate = candidate_of(
        published.manifest, published.encoder.identity, {"formulary": manifest.sources["formulary"]}
    )
    with pytest.raises(Damaged, match="was written by encoder"):
        Publisher(published.home).publish(candidate, report_of(candidate), actor="t")
    assert Releases(published.home).current() == published.manifest


def test_a_release_of_another_encoder_than_the_one_loaded_is_not_searched(published_once):
    """P11: the settings name one encoder, the release another."""
    other = published_once.manifest.encoder.model_copy(update={"digest": "f" * 64, "precision": "fp32"})
    manifest = published_once.manifest.model_copy(update={"encoder": other})
    with pytest.raises(Misconfigured, match="vectors of two encoders are never compared"):
        Searcher.of(published_once.home, manifest, published_once.encoder)


def test_a_candidate_that_carries_vectors_over_to_another_encoder_is_refused(published):
    """P11: tables of the old encoder under the name of a new one are neither audited nor published."""
    serving, new = published.manifest, replace(published.encoder.identity, digest="f" * 64)
    assert candidate_of(serving, new, {}).sources == {}  # nothing is carried over by itself
    forged = candidate_of(serving, new, serving.sources)
    other = Encoder(published.encoder._model, new, 4096)
    with pytest.raises(Damaged, match="was written by encoder"):
        audit(published.home, published.expectations, forged, other)
    with pytest.raises(Damaged, match="was written by encoder"):
        Publisher(published.home).publish(forged, report_of(forged), actor="t")
    assert Releases(published.home).current() == serving


def test_a_table_that_is_gone_is_damage_and_is_not_searched(published):
    shutil.rmtree(published.home / "lance" / f"{published.manifest.sources['formulary'].texts.name}.lance")
    with pytest.raises(Damaged, match="cannot be opened"):
        published.searcher()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("", "is empty"),
        ("  \t\n\u2003", "is empty"),
        ("pain " * 2_000_001, "10,000,005 characters|10000005 characters"),
        ("a" * 10_001, "10,?001 characters"),
        ("dose \udcff", "not text"),
    ],
    ids=["empty", "white space", "10 MB", "one too many", "bytes that are no text"],
)
def test_a_question_that_cannot_be_asked_is_refused_in_words(searcher, question, said):
    """P17: never an empty answer without a word, and the question is not repeated in the message."""
    with pytest.raises(Rejected, match=said) as refused:
        searcher.search(question)
    assert refused.value.safe == "Nothing was searched." and len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "question", ["???", "\x00", "' OR 1=1 --", '"unfinished', "a AND", "+-*^~", "\u200b", "x" * 10_000]
)
def test_odd_questions_are_answered_like_any_other(searcher, question):
    """P17: marks of a query language are characters; the nearest is still found."""
    assert len(searcher.search(question, source="formulary", k=3)) == 3


@pytest.mark.parametrize(
    "vector",
    [
        lambda v: np.full_like(v, np.nan),
        lambda v: np.where(np.arange(v.size) == 7, np.nan, v).astype(np.float32),
        lambda v: np.full_like(v, np.inf),
        np.zeros_like,
        lambda v: v * 2,
        lambda v: v[:-1],
        lambda v: np.stack([v, v]),
    ],
    ids=["NaN", "one NaN", "inf", "zero", "too long", "too narrow", "two"],
)
def test_a_query_vector_that_is_none_is_refused(published_once, vector):
    """P17: LanceDB itself would answer most of these with nothing at all."""
    wrong = vector(published_once.encoder.encode_query("metformin"))
    table = texts_of(published_once)
    with pytest.raises(Rejected, match="has no vector"):
        table.nearest(wrong, 5)
    with pytest.raises(Rejected, match="has no vector"):
        table.families(wrong, ["metformin"], ["id"])


@pytest.mark.parametrize("value", ATTACKS, ids=range(len(ATTACKS)))
def test_a_filter_is_a_value_whatever_is_written_in_it(published_once, searcher, value):
    """P21: in every filter, through search and in each way a table is read: nothing matches, and nothing breaks."""
    table, vector = texts_of(published_once), published_once.encoder.encode_query("metformin")
    for name in FILTERS:
        for where in ({name: value}, {name: [value]}):
            assert table.nearest(vector, 50, where=where) == []
            assert table.matching("metformin", 50, where=where) == []
            assert table.where("kind", ["title", "section"], also=where) == []
            assert table.families(vector, ["metformin"], ["id"], where=where).num_rows == 0
    assert table.where("document_id", [value]) == []
    assert searcher.search("metformin 500 mg", source="formulary", where={"tier": value}) == []


def test_a_filter_never_replaces_the_families_a_search_compares(published_once):
    table, vector = texts_of(published_once), published_once.encoder.encode_query("metformin")
    assert table.families(vector, ["metformin"], ["id"], where={"family": "warfarin"}).num_rows == 0


@pytest.mark.parametrize(
    "value", [True, 1.5, None, float("nan"), {"a": 1}, b"1", object()], ids=lambda value: type(value).__name__
)
def test_a_filter_of_a_kind_the_column_does_not_hold_matches_nothing(published_once, value):
    """P21: also what did not come as text."""
    vector = published_once.encoder.encode_query("metformin")
    assert texts_of(published_once).nearest(vector, 50, where={"tier": value}) == []


def test_filters_let_through_what_they_name(searcher):
    """P21: the tests above would pass if filters matched nothing ever."""
    everything = searcher.search("tablet", source="formulary", k=100)
    for tier in ("1", "2", "3"):
        hits = searcher.search("tablet", source="formulary", k=100, where={"tier": tier})
        assert hits and {hit.meta["tier"] for hit in hits} == {tier}
    both = searcher.search("tablet", source="formulary", k=100, where={"tier": ["1", "3"]})
    assert {hit.meta["tier"] for hit in both} == {"1", "3"}
    assert searcher.search("tablet", source="formulary", k=100, where={"tier": 1}) == searcher.search(
        "tablet", source="formulary", k=100, where={"tier": "1"}
    )
    narrow = searcher.search("tablet", source="formulary", where={"tier": "1", "restriction": "specialist only"})
    assert all(h.meta["tier"] == "1" and h.meta["restriction"] == "specialist only" for h in narrow)
    assert len(everything) == 12


def test_an_exact_hit_obeys_the_filter_too(searcher):
    """P21: a code in the question beats the vector, not the filter."""
    assert searcher.search("D-0000", source="formulary")[0].exact
    assert not any(h.exact for h in searcher.search("D-0000", source="formulary", where={"tier": "2"}))


@pytest.mark.parametrize(
    "where", [{"text": "x"}, {"vector": 1}, {"tier OR 1=1": "1"}, {"Tier": "1"}, {"": ""}, {"tier": "1", "hash": "x"}]
)
def test_an_unknown_filter_is_refused(searcher, where):
    with pytest.raises(Misconfigured, match="Unknown filter"):
        searcher.search("metformin", where=where)


@pytest.mark.parametrize(
    "source", ["x' OR '1'='1", "Formulary", "icd10", "formulary\x00", "../formulary", "x" * 1_000_000]
)
def test_an_unknown_source_is_refused(searcher, source):
    """P21: a source is a name, and no other name will do."""
    with pytest.raises(Misconfigured, match="Unknown source") as refused:
        searcher.search("metformin", source=source)
    assert "formulary, guidelines" in refused.value.next and len(str(refused.value)) < 300


@pytest.mark.parametrize("k", [0, -1, MOST_HITS + 1, 10**9])
def test_the_number_of_hits_has_limits(searcher, k):
    with pytest.raises(Rejected, match=f"{k} hits were asked for"):
        searcher.search("metformin", k=k)


@pytest.mark.parametrize("k", [1, 3, 10, MOST_HITS])
def test_no_more_hits_than_asked_for_and_ranks_count_from_one(searcher, k):
    for source in (None, "formulary"):
        hits = searcher.search("tablet", source=source, k=k)
        assert 0 < len(hits) <= k and [h.rank for h in hits] == list(range(1, len(hits) + 1))


def test_before_the_first_publish_search_says_so(small_home, encoder):
    with pytest.raises(Misconfigured, match="No release has been published yet"):
        Searcher.open(small_home, encoder)


def test_a_code_in_the_question_does_not_get_around_a_filter(searcher):
    """P21: a document named in full is found first, unless the filter leaves it out."""
    assert searcher.search("D-0001", source="formulary")[0].exact
    found = searcher.search("D-0001", source="formulary", where={"document_id": "D-0002"})
    assert {hit.document_id for hit in found} == {"D-0002"} and not found[0].exact


def test_whoever_asks_for_three_gets_the_first_three_of_ten(searcher):
    """The gate judges three: how many hits are asked for does not change which they are."""
    for question in ("metformin", "insulin", "fever in a child", "blood pressure tablet"):
        ten = [hit.document_id for hit in searcher.search(question)]
        for k in (1, 3, 5):
            assert [hit.document_id for hit in searcher.search(question, k=k)] == ten[:k]

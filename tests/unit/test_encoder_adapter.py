"""Does an encoder wear exactly the adapter its release names, and are vectors of two encoders ever mixed?"""

import shutil
from dataclasses import asdict

import numpy as np
import pytest
from small_adapters import add_adapter, make_adapter

from probatum import pipeline
from probatum.adapters.registry import Adapters
from probatum.adapters.shipped import shipped, take
from probatum.audit import audit
from probatum.candidates import candidate_of
from probatum.encoder import Encoder, wear
from probatum.encoder_identity import base_of, identify
from probatum.errors import Damaged, Misconfigured, Rejected
from probatum.journal import Journal
from probatum.publish import Publisher
from probatum.release import Candidate, EncoderState, Releases
from probatum.search import Searcher, nothing_good_enough
from probatum.settings import Settings
from probatum.wearing import must_be_of_one_encoder, with_adapter, worn

ASKED = "what do we do when the potassium is far too high"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_adapter(tmp_path_factory.mktemp("made") / "adapter", Settings())


@pytest.fixture(scope="module")
def trained_home(tmp_path_factory, made):
    """A home with one adapter for questions and one, of the same weights, for both sides."""
    home = tmp_path_factory.mktemp("home")
    return home, {sides: add_adapter(home, made, sides) for sides in ("query", "both")}


@pytest.fixture(scope="module")
def wearing(trained_home):
    """{sides: the encoder that wears it, in fp32}."""
    home, adapters = trained_home
    return {s: Encoder.load(Settings(home=home, encoder_precision="fp32"), adapter=a) for s, a in adapters.items()}


@pytest.fixture(scope="module")
def bare():
    return Encoder.load(Settings(encoder_precision="fp32"))


def test_what_reads_questions_only_leaves_texts_as_they_are(bare, wearing):
    worn = wearing["query"]
    assert np.array_equal(worn.encode([ASKED]), bare.encode([ASKED]))
    assert not np.allclose(worn.encode_query(ASKED), bare.encode_query(ASKED), atol=1e-3)
    assert worn.identity.digest == bare.identity.digest
    assert worn.identity.of_questions != bare.identity.of_questions == bare.identity.digest


def test_what_reads_both_sides_is_another_encoder(bare, wearing):
    worn = wearing["both"]
    assert np.array_equal(worn.encode([ASKED])[0], worn.encode_query(ASKED))
    assert np.allclose(worn.encode_query(ASKED), wearing["query"].encode_query(ASKED), atol=1e-6)
    assert worn.identity.digest not in (bare.identity.digest, wearing["query"].identity.digest)


def test_an_encoder_without_an_adapter_is_called_as_before(bare):
    """Stores and manifests of before name its digest."""
    state = EncoderState(**asdict(bare.identity))
    assert set(state.model_dump(mode="json")) == {"name", "revision", "digest", "width", "precision"}
    fixed = EncoderState(name="a", revision="b", digest="c" * 64, width=384, precision="fp32")
    before = "fd61f6284d9d5b7ce68d7346f341b9b8ce64f7b16fe36c61ad1c55adbe2f3fd7"  # of the version without adapters
    assert Candidate(parent="", sources={}, encoder=fixed).digest() == before


def test_many_questions_at_once_are_read_as_one_by_one(wearing):
    questions = [ASKED, "stroke", "tier of metformin", "is amoxicillin on the list of this hospital", "stroke"]
    together = wearing["query"].encode_questions(questions)
    one_by_one = np.stack([wearing["query"].encode_query(question) for question in questions])
    assert np.allclose(together, one_by_one, atol=1e-6)


def test_bf16_is_cast_from_what_was_merged_in_fp32(trained_home, wearing):
    home, adapters = trained_home
    cast = Encoder.load(Settings(home=home, encoder_precision="bf16"), adapter=adapters["query"])
    assert float(cast.encode_query(ASKED) @ wearing["query"].encode_query(ASKED)) > 0.999
    assert cast.identity.digest != wearing["query"].identity.digest


def test_the_adapter_in_another_homes_folder_is_not_found(tmp_path, trained_home):
    """P31: only an adapter of this home is loaded, by its digest."""
    with pytest.raises(Damaged, match="is not in this home"):
        Encoder.load(Settings(home=tmp_path), adapter=trained_home[1]["query"])
    with pytest.raises(Damaged, match="is not in this home"):
        Encoder.load(Settings(home=trained_home[0]), adapter="../adapters/" + trained_home[1]["query"])


def test_a_changed_byte_is_found_before_anything_is_loaded(tmp_path, trained_home):
    """P31: one byte of the adapter is another: refused."""
    home = shutil.copytree(trained_home[0], tmp_path / "home")
    path = home / "adapters" / trained_home[1]["query"] / "adapter_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match="not what was added"):
        Encoder.load(Settings(home=home), adapter=trained_home[1]["query"])


def test_weights_that_give_other_vectors_than_at_training_are_damaged(tmp_path, made):
    """P31: after every load the vectors are compared with those of the training."""
    from sentence_transformers import SentenceTransformer

    folder = make_adapter(tmp_path / "other", Settings(), seed=2)
    shutil.copy(made / "reference.safetensors", folder)
    model = SentenceTransformer(str(identify(Settings())[0]), device="cpu", local_files_only=True)
    with pytest.raises(Damaged, match="not those of its training"):
        wear(model, folder)


def test_an_adapter_of_another_base_is_not_worn(tmp_path, trained_home, monkeypatch):
    """P30: the base it names is not the encoder of the settings."""
    from safetensors.torch import load_file, save_file

    folder, _ = identify(Settings())
    other = shutil.copytree(folder, tmp_path / "other")
    tensors = load_file(other / "model.safetensors")
    name = next(iter(tensors))
    save_file(tensors | {name: tensors[name] * 1.01}, other / "model.safetensors", {"format": "pt"})
    from probatum import digests

    chosen = Settings(
        home=trained_home[0], encoder=str(other), encoder_sha256=digests.of_file(other / "model.safetensors")
    )
    with pytest.raises(Rejected, match="is of all-MiniLM-L6-v2"):
        identify(chosen, adapter=trained_home[1]["query"])


@pytest.fixture
def served(published, made):
    """The small release, with both adapters in its home."""
    return published, {sides: add_adapter(published.home, made, sides) for sides in ("query", "both")}


def chosen_of(published) -> Settings:
    precision = published.manifest.encoder.precision
    return Settings(home=published.home, expectations=published.expectations, encoder_precision=precision)


def test_an_adapter_for_questions_is_promoted_by_a_publish_and_goes_with_a_rollback(served):
    """P11: a release names its adapter; publishing, searching and going back all follow the manifest."""
    published, adapters = served
    chosen, adapter = chosen_of(published), adapters["query"]
    before = Releases(chosen.home).current()
    candidate = pipeline.wear(chosen, adapter)
    with pytest.raises(Damaged, match="audit report"):
        pipeline.publish(chosen, candidate, actor="test")
    report = pipeline.audit(chosen, candidate)
    assert report.passed
    assert Adapters(chosen.home).life(adapter).status == "audited"
    manifest = pipeline.publish(chosen, candidate, actor="test")
    assert (manifest.encoder.adapter, manifest.encoder.sides) == (adapter, "query")
    assert manifest.sources == before.sources
    assert Adapters(chosen.home).champion("retrieval", "retrieval") == adapter
    assert worn(chosen) == adapter
    searcher = Searcher.open(chosen.home)
    assert not nothing_good_enough(searcher.search("Morphine 10 mg/mL injection", source="formulary"))
    assert nothing_good_enough(searcher.search("which bus goes to the railway station", source="formulary"))
    with pytest.raises(Misconfigured, match="vectors of two encoders"):
        Searcher.open(chosen.home, published.encoder)
    Publisher(chosen.home).rollback(None, actor="test")
    assert Adapters(chosen.home).champion("retrieval", "retrieval") == ""
    assert Adapters(chosen.home).life(adapter).status == "retired"
    assert Searcher.open(chosen.home, published.encoder)
    Publisher(chosen.home).rollback(manifest.id, actor="test")
    assert Adapters(chosen.home).champion("retrieval", "retrieval") == adapter
    assert Journal(chosen.home / "journal.jsonl").verify() > 0


def test_a_candidate_that_wears_an_adapter_is_another_candidate(served):
    published, adapters = served
    chosen = chosen_of(published)
    assert pipeline.wear(chosen, adapters["query"]) != published.manifest.candidate
    assert pipeline.wear(chosen, "") == published.manifest.candidate


def test_an_adapter_for_both_sides_over_the_vectors_of_before_is_refused(served):
    """P11: whichever way it is tried, nothing written with one encoder is served through another."""
    published, adapters = served
    chosen = chosen_of(published)
    with pytest.raises(Rejected, match="reads texts too"):
        pipeline.wear(chosen, adapters["both"])
    _, identity = identify(chosen, adapter=adapters["both"])
    carried = Candidate(
        parent=published.manifest.id, sources=published.manifest.sources, encoder=EncoderState(**asdict(identity))
    )
    with pytest.raises(Rejected, match="holds vectors of encoder"):
        must_be_of_one_encoder(chosen.home, carried)
    wearing = Encoder.load(chosen, adapter=adapters["both"])
    with pytest.raises(Damaged, match="was written by encoder"):
        audit(chosen.home, chosen.expectations, carried, wearing)
    renamed = carried.model_copy(update={"encoder": published.manifest.encoder})
    with pytest.raises(Misconfigured, match="vectors of two encoders"):
        Searcher.of(chosen.home, renamed, wearing)


def test_a_candidate_of_a_new_encoder_takes_no_source_over(served):
    """P11: with an adapter for both sides every source has to be written anew."""
    published, adapters = served
    _, identity = identify(chosen_of(published), adapter=adapters["both"])
    assert candidate_of(published.manifest, identity, {}).sources == {}
    _, asks = identify(chosen_of(published), adapter=adapters["query"])
    assert candidate_of(published.manifest, asks, {}).sources == published.manifest.sources
    assert with_adapter(published.manifest, asks).encoder.sides == "query"


def test_an_adapter_that_nobody_audited_is_not_served(served):
    """P43: a report of an earlier life does not let it through."""
    published, adapters = served
    chosen = chosen_of(published)
    candidate = pipeline.wear(chosen, adapters["query"])
    report = pipeline.audit(chosen, candidate)
    Adapters(chosen.home).move(adapters["query"], "rejected", actor="test", why="worse on held-out questions")
    with pytest.raises(Rejected, match="only one that passed an audit may serve"):
        Publisher(chosen.home).publish(pipeline.read_candidate(chosen, candidate), report, actor="test")
    assert Releases(chosen.home).current().id == published.manifest.id


def test_the_adapter_that_is_shipped_is_whole_and_gives_what_it_gave_at_training(tmp_path):
    """P31: by digest, over the embedded encoder; trained by the code of a commit on data with a digest."""
    chosen = Settings(home=tmp_path)
    (identity,) = shipped()
    assert take(tmp_path, identity, base=base_of(chosen), actor="test") == identity
    record = Adapters(tmp_path).record(identity)
    assert record.sides == "query" and record.trained.minutes < 31 and record.data and record.code
    wearing = Encoder.load(chosen, adapter=identity)
    assert 0.5 < float(wearing.encode_query("chest pain") @ wearing.encode_plainly("chest pain")) < 0.9999

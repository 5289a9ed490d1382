"""Is a vector the same whatever is encoded beside it, and is a wrong encoder never used?"""

import random
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace

import numpy as np
import orjson
import pytest

from probatum import digests
from probatum.encoder import Encoder
from probatum.encoder_identity import EMBEDDED_NAME, identify
from probatum.errors import Damaged, Misconfigured, Rejected
from probatum.settings import Settings, settings
from probatum.vectorcache import encode_cached, missing_from_cache

TEXTS = [
    "Type 2 diabetes mellitus without complications",
    "sugar",
    "Fracture of unspecified part of unspecified clavicle, initial encounter for closed fracture",
    "Do not give 0.5 mg",
    "",
    "é漢😀",
    " ".join(["sepsis"] * 600),  # longer than the encoder reads
    *(f"Amoxicillin {n} mg capsule" for n in range(20)),
]


@pytest.fixture(scope="module")
def plain(encoder):
    """The encoder without the memory of the tests, a few tokens at a time."""
    return Encoder(encoder._model, encoder.identity, 256)


@pytest.fixture(scope="module")
def vectors(plain):
    return plain.encode(TEXTS)


def test_vectors_are_float32_of_length_one(plain, vectors):
    """P17: of every text, the empty and the endless one included."""
    assert vectors.shape == (len(TEXTS), plain.identity.width) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_vector_does_not_depend_on_order_neighbours_or_batch_size(plain, vectors):
    """P12: not one bit differs."""
    order = list(range(len(TEXTS)))
    random.Random(7).shuffle(order)
    assert np.array_equal(plain.encode([TEXTS[i] for i in order]), vectors[order])
    large = Encoder(plain._model, plain.identity, 1 << 15)
    assert np.array_equal(large.encode(TEXTS), vectors)
    for i in (0, 3, 8):
        assert np.array_equal(plain.encode([TEXTS[i]])[0], vectors[i])


def test_a_text_that_is_there_many_times_is_encoded_once(plain, vectors):
    told = []
    twice = plain.encode([TEXTS[0], TEXTS[1], TEXTS[0], TEXTS[0]], told.append)
    assert sum(told) == 2 and np.array_equal(twice, vectors[[0, 1, 0, 0]])


def test_no_batch_holds_more_tokens_than_allowed_or_texts_of_two_lengths(plain):
    """What bounds the memory; one text alone may be longer."""
    batches = plain._batches(TEXTS)
    lengths = [min(n, plain.max_tokens) for n in plain.count_tokens(TEXTS)]
    assert sorted(i for batch in batches for i in batch) == list(range(len(TEXTS)))
    for batch in batches:
        assert len({lengths[i] for i in batch}) == 1
        assert len(batch) == 1 or len(batch) * lengths[batch[0]] <= 256
    assert max(map(len, batches)) > 1


def test_a_question_has_the_vector_its_text_has(plain, vectors):
    assert np.array_equal(plain.encode_query(TEXTS[1]), vectors[1])
    for wrong in ("", " \n", "x" * 10_001, "\udcff"):
        with pytest.raises(Rejected):
            plain.encode_query(wrong)


def test_meaning_is_near_and_nonsense_is_far(plain):
    """That it is this encoder that answers, and not noise of length one."""
    near, also, far = plain.encode(["heart attack", "myocardial infarction", "ward telephone directory"])
    assert near @ also > 0.5 > near @ far


def test_nothing_is_encoded_for_nothing(plain, tmp_path):
    assert plain.encode([]).shape == (0, plain.identity.width) and plain.count_tokens([]) == []
    assert encode_cached(plain, [], tmp_path)[0].shape == (0, plain.identity.width)


def test_tokens_are_counted_as_the_encoder_reads_them(plain):
    assert plain.count_tokens(["", "sepsis", "sepsis sepsis"]) == [2, 2 + 1, 2 + 2] or plain.count_tokens([""]) == [2]
    assert [TEXTS[3][start:end] for start, end in plain.token_spans(TEXTS[3])] == [
        "Do",
        "not",
        "give",
        "0",
        ".",
        "5",
        "mg",
    ]


def test_the_cache_gives_back_the_very_same_vectors(plain, vectors, tmp_path):
    """P12: bit for bit, and only what is missing is encoded, each text once."""
    assert missing_from_cache(plain.identity.digest, TEXTS, tmp_path / "v") == len(TEXTS)
    first, encoded = encode_cached(plain, TEXTS[:5] + TEXTS[:2], tmp_path / "v")
    assert encoded == 5 and np.array_equal(first, vectors[[0, 1, 2, 3, 4, 0, 1]])
    assert missing_from_cache(plain.identity.digest, TEXTS, tmp_path / "v") == len(TEXTS) - 5
    again, encoded = encode_cached(plain, TEXTS[::-1], tmp_path / "v")
    assert encoded == len(TEXTS) - 5 and np.array_equal(again, vectors[::-1])
    assert encode_cached(plain, TEXTS, tmp_path / "v")[1] == 0


def test_the_cache_of_one_encoder_is_not_read_by_another(plain, tmp_path):
    """P11: the same text under another digest is encoded anew."""
    encode_cached(plain, TEXTS[:3], tmp_path)
    other = Encoder(plain._model, replace(plain.identity, digest="f" * 64), 256)
    assert encode_cached(other, TEXTS[:3], tmp_path)[1] == 3


@pytest.mark.parametrize(
    "wrong", [b"", b"\x00" * 384 * 4, b"\xff" * 384 * 4, b"\x00\x00\x80\x3f" * 384, b"\x00\x00\x80\x3f"]
)
def test_a_cached_vector_that_is_none_is_damage(plain, tmp_path, wrong):
    """P13, P17: too short, zero, NaN, too long: named, with what to delete."""
    encode_cached(plain, TEXTS[:1], tmp_path)
    (file,) = tmp_path.glob("*.sqlite")
    with sqlite3.connect(file) as cache:
        cache.execute("UPDATE vectors SET vector = ?", (wrong,))
    with pytest.raises(Damaged, match="Delete the folder `vectors`"):
        encode_cached(plain, TEXTS[:1], tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the embedded model, to change."""
    source, identity = identify(Settings())
    return shutil.copytree(source, tmp_path_factory.mktemp("model") / "model"), identity


def test_weights_with_one_bit_changed_are_damage(folder, tmp_path):
    """P13: whatever the settings expect is what is loaded, or nothing is."""
    path, _ = folder
    sha256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    changed = shutil.copytree(path, tmp_path / "changed")
    assert identify(Settings(encoder=str(changed), encoder_sha256=sha256.upper()))[1].width == 384
    with (changed / "model.safetensors").open("r+b") as weights:
        weights.seek(5_000_000)
        byte = weights.read(1)[0]
        weights.seek(5_000_000)
        weights.write(bytes([byte ^ 1]))
    with pytest.raises(Damaged, match="expected 53aa51172d14"):
        Encoder.load(Settings(encoder=str(changed), encoder_sha256=sha256))
    (changed / "model.safetensors").unlink()
    with pytest.raises(Misconfigured, match=r"no model\.safetensors"):
        identify(Settings(encoder=str(changed), encoder_sha256=sha256))


@pytest.mark.parametrize("file", ["tokenizer.json", "config.json", "1_Pooling/config.json", "modules.json"])
def test_everything_that_shapes_a_vector_is_in_the_digest(folder, tmp_path, file):
    """P11: other tokenizer, pooling or precision, other encoder."""
    path, identity = folder
    sha256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    changed = shutil.copytree(path, tmp_path / "changed", symlinks=True)
    given = Settings(encoder=str(changed), encoder_sha256=sha256, encoder_precision=identity.precision)
    assert identify(given)[1].digest == identity.digest
    (changed / file).write_text((changed / file).read_text("utf-8") + "\n", "utf-8")
    assert identify(given)[1].digest != identity.digest


def test_the_precision_is_in_the_digest_and_a_reader_can_ask_for_the_releases():
    """P11: vectors of bf16 and fp32 weights are of two encoders."""
    half, full = (identify(Settings(encoder_precision=p))[1] for p in ("bf16", "fp32"))
    assert half.digest != full.digest and (half.precision, full.precision) == ("bf16", "fp32")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"encoder": "/nowhere/at/all"}, "not a folder"),
        ({"encoder": "."}, "SHA256 is empty"),
        ({"encoder": ".", "encoder_sha256": "0" * 64}, r"no model\.safetensors"),
    ],
)
def test_an_encoder_that_is_not_pinned_or_not_there_is_a_wrong_setting(given, said):
    """P51: no download is tried instead."""
    with pytest.raises(Misconfigured, match=said):
        identify(Settings(**given))


def test_who_the_encoder_is_needs_no_torch(encoder):
    """What `plan`, `doctor` and a refresh with nothing new ask must not take the seconds that torch takes."""
    script = (
        "import sys\n"
        "from probatum.encoder_identity import identify\n"
        "from probatum.settings import settings\n"
        "print(identify(settings())[1].digest)\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == encoder.identity.digest
    assert encoder.identity.name == EMBEDDED_NAME and identify(settings())[1] == encoder.identity


def with_prompts(folder, to, **said):
    shutil.copytree(folder, to)
    path = to / "config_sentence_transformers.json"
    known = orjson.loads(path.read_bytes()) if path.exists() else {}
    path.write_bytes(orjson.dumps(known | {"prompts": said, "default_prompt_name": "query"}))
    return Settings(encoder=str(to), encoder_sha256=digests.of_file(to / "model.safetensors"))


def test_what_a_model_wants_before_questions_and_texts_is_put_there(folder, tmp_path):
    """A model made with prompts is asked with them, and they are in its digest."""
    plain = Encoder.load(with_prompts(folder[0], tmp_path / "plain"))
    made = Encoder.load(with_prompts(folder[0], tmp_path / "made", query="query: ", passage="passage: "))
    assert np.array_equal(made.encode_query("chest pain"), plain.encode(["query: chest pain"])[0])
    assert np.array_equal(made.encode(["angina"]), plain.encode(["passage: angina"]))
    assert np.array_equal(plain.encode_query("chest pain"), plain.encode(["chest pain"])[0])
    assert made.identity.digest != plain.identity.digest and made.max_tokens < plain.max_tokens


def test_a_model_of_the_hub_is_found_where_it_was_downloaded_and_nowhere_else(folder, tmp_path, monkeypatch):
    """P51: by name and revision, in the cache of this machine; nothing is fetched."""
    revision = "a" * 40
    shutil.copytree(folder[0], tmp_path / "models--makers--small-encoder" / "snapshots" / revision)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    weights = digests.of_file(folder[0] / "model.safetensors")
    given = {"encoder": "makers/small-encoder", "encoder_sha256": weights}
    found, identity = identify(Settings(**given, encoder_revision=revision))
    assert (identity.name, identity.revision) == ("makers/small-encoder", revision) and found.is_relative_to(tmp_path)
    with pytest.raises(Misconfigured, match="was not downloaded to this machine"):
        identify(Settings(**given, encoder_revision="b" * 40))
    with pytest.raises(Misconfigured, match="PROBATUM_ENCODER_REVISION is empty"):
        identify(Settings(**given))

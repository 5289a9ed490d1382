"""Is a slip of the pen read as what was meant, and nothing else as anything but what was typed?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.spelling import Spelling

TEXTS = ["Chlamydia infection, tested positive", "Latent tuberculosis", "Moderate asthma; warfarin 5 mg"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("tested positve for clamydia", "tested positive for chlamydia"),
        ("warfarn", "warfarin"),
        ("chlamydia", "chlamydia"),
        ("Q4x positve", "Q4x positive"),
        ("asma", "asma"),  # four letters have too many neighbours
        ("warfarin5", "warfarin5"),
        ("naproxin", "naproxin"),  # nobody listed it, and nothing is near
    ],
)
def test_a_slip_is_read_as_the_nearest_word_of_a_text(typed, read):
    assert Spelling(TEXTS).corrected(typed) == read


def test_a_word_that_is_right_is_no_slip_of_one_that_a_text_holds():
    """Without the words the encoder knows, "latest" was read as "latent"."""
    assert Spelling(TEXTS).corrected("the latest test") == "the latent test"
    assert Spelling(TEXTS, {"latest"}).corrected("the latest test") == "the latest test"


def test_nothing_is_read_as_a_word_that_no_text_holds():
    assert Spelling(TEXTS, {"latests"}).corrected("latestz") == "latestz"


def test_the_encoder_knows_plain_words_and_not_the_slips_of_them(encoder):
    words = encoder.words()
    assert {"latest", "printer", "shocking", "diabetes"} <= words
    assert words.isdisjoint({"positve", "clamydia", "warfarn", "diabetis"}) and not any("#" in word for word in words)
    assert len(words) > 10_000


@given(st.text(LETTERS + " ", max_size=40), st.lists(st.text(LETTERS, min_size=5, max_size=9), max_size=6))
def test_what_is_known_is_never_touched_and_reading_twice_changes_nothing(question, words):
    spelling = Spelling([" ".join(words)], set(question.split()))
    assert spelling.corrected(question) == question
    once = Spelling([" ".join(words)]).corrected(question)
    assert Spelling([" ".join(words)]).corrected(once) == once

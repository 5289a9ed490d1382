"""Does the view read typography away, and does it still know where everything stood?"""

from hypothesis import given
from hypothesis import strategies as st

from probatum.phi.view import View

ODD = st.text(
    st.sampled_from("a1Z -:\n\t|\u00a0\u00ad\u200b\u2060\ufeff\u2011\u2013\u2212１９Ａ：’éİß٣۴०\r\u2028"), max_size=60
)


def test_an_ascii_text_is_taken_as_it_is():
    text = "MRN: 00412345\n\tWard 5B"
    assert View(text).text is text


def test_spaces_hyphens_digits_and_letters_of_other_widths_read_as_plain_ones():
    view = View("ＭＲＮ：\u00a0１２３\u2011４５６\u202f٣۴")
    assert (view.text, view.low) == ("MRN: 123-456 34", "mrn: 123-456 34")


def test_what_nobody_sees_is_left_out():
    view = View("M\u200bR\u00adN 4\u20604")
    assert view.text == "MRN 44"
    assert [view.place(at) for at in range(6)] == [0, 2, 4, 5, 6, 8]


def test_a_capital_that_is_two_small_letters_moves_nothing():
    view = View("İstanbul MRN")
    assert len(view.low) == len(view.text) and view.low.endswith("mrn")


@given(ODD)
def test_a_place_in_the_view_is_the_place_of_the_same_character(text):
    """The oracle reads one character at a time."""
    view = View(text)
    seen = [(at, read) for at, char in enumerate(text) if (read := View(char).text)]
    assert [view.place(at) for at in range(len(view.text))] == [at for at, _ in seen]
    assert list(view.text) == [read for _, read in seen]
    assert len(view.low) == len(view.text)

"""Is text of others only ever shown, on a terminal and in JSON?"""

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from probatum import show
from probatum.printable import printable, printable_json

OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


@given(st.text(st.characters()))
def test_nothing_that_a_terminal_obeys_is_left(text):
    """P33: no escape, no turn of the direction of reading, no line that the text begins itself."""
    assert not OBEYED.search(printable(text))
    assert not OBEYED.search(printable(text, keep_lines=True).translate({10: None, 9: None}))


@given(st.text(st.characters(codec="utf-8")))
def test_json_says_the_same_in_characters_a_terminal_only_shows(text):
    """P33: a machine reads back every character."""
    line = printable_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(line) == {"text": text} and not OBEYED.search(line)


@pytest.mark.parametrize("text", ["naïve 5 µg", "10⁹/L ≤ 3", "漢字", "α-blocker", "😀", r"C:\new", ""])
def test_what_people_read_is_left_as_it_is(text):
    assert printable(text) == text


def test_each_unseen_character_is_named():
    assert printable("a\x1b[31m\n\x9b\u202e\u200b\udce4") == r"a\x1b[31m\n\x9b\u202e\u200b\udce4"
    assert printable("a\n\tb\x1b", keep_lines=True) == "a\n\tb\\x1b"


@given(st.text(st.sampled_from("[]/\\redlink=bold:smile:x \x1b\n"), max_size=30))
def test_no_markup_in_a_text_is_interpreted(text):
    """P33: every word and bracket of it is printed; of backslashes before a bracket one may be lost."""
    out = io.StringIO()
    Console(file=out, highlight=False, soft_wrap=True, emoji=False, color_system=None).print(
        f"[bold]<{show.escape(text)}[/]", end=""
    )
    assert out.getvalue().replace("\\", "") == f"<{printable(text)}".replace("\\", "")

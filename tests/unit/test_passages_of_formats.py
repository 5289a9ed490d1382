"""Do the passages of documents from publishers' own formats cover every word, with no dose cut in two?"""

import json
import re
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probatum.records import SourceRelease
from probatum.sectioning import cut
from sources.formulary import Formulary
from sources.guidelines import Guidelines

RELEASE = SourceRelease("guidelines", "2026-07", date(2026, 7, 1), "invented", "test")
DOSES = ["0.5 mg", "2 mg/kg/h", "1.5-2 g", "5 µg", "1,000 units", "7.35 mmol/L", "20 mL"]
SENTENCES = st.lists(
    st.builds("Give {} of it {} and then {}, unless the nurse says otherwise.".format, st.sampled_from(DOSES), st.sampled_from(["slowly", "at once", "by mouth"]), st.sampled_from(DOSES)),
    min_size=1, max_size=25,
)  # fmt: skip
NUMBER_AND_UNIT = re.compile("|".join(sorted(map(re.escape, DOSES), key=len, reverse=True)))


def label(said):
    body = "".join(f"<paragraph>{words}</paragraph>" for words in said)
    return f"""<?xml version="1.0"?><document xmlns="urn:hl7-org:v3"><id root="x"/><code code="34391-3"/><title>Drug Facts</title>
<effectiveTime value="20240113"/><setId root="AB-12"/><versionNumber value="1"/><component><structuredBody><component><section>
<code code="48780-1"/><subject><manufacturedProduct><manufacturedProduct><name>Northstat</name><asEntityWithGeneric><genericMedicine>
<name>atorvastatin</name></genericMedicine></asEntityWithGeneric></manufacturedProduct></manufacturedProduct></subject></section></component>
<component><section><code code="34068-7"/><title>Directions</title><text>{body}</text></section></component></structuredBody></component></document>"""


def recommendations(said):
    specific = {"id": 1, "title": "Sore feet", "grade": "B", "text": " ".join(said), "general": "7"}
    general = {"title": "Sore feet", "specific": [1], "rationale": "".join(f"<p>{words}</p>" for words in said)}
    return json.dumps(
        {"specificRecommendations": [specific], "generalRecommendations": {"7": general}, "grades": {"B": ["Offer."]}}
    )


def chapters(said):
    content = "".join(f"<p>{words}</p>" for words in said)
    return json.dumps({"Title": "Sore hands", "Chapters": [{"Title": "Care", "Content": content}]})


FORMATS = {
    "SPL": (Formulary, "a.xml", label),
    "recommendations": (Guidelines, "a.json", recommendations),
    "chapters": (Guidelines, "b.json", chapters),
}


def count(texts):
    """A word or mark is a token, and two special ones a text."""
    return [2 + len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=SENTENCES)
def test_passages_cover_every_block_and_cut_no_dose(tmp_path, form, said):
    """P9: of a drug label, of recommendations and of chapters, whatever their length."""
    source, name, made = FORMATS[form]
    (tmp_path / name).write_text(made(said), "utf-8")
    documents = [d for d in source().parse({name: tmp_path / name}, RELEASE) if d.layout == "sections"]
    assert documents
    for document in documents:
        pieces = cut(document, count, 60)
        spans = sorted((piece.start, piece.end) for piece in pieces)
        for block in document.blocks:
            inside = [place for place in range(block.start, block.end) if not document.text[place].isspace()]
            assert all(any(start <= place < end for start, end in spans) for place in inside)
        assert all(after >= before for (_, before), (after, _) in pairwise(spans)), "two passages overlap"
        edges = {edge for span in spans for edge in span}
        for dose in NUMBER_AND_UNIT.finditer(document.text):
            assert not [edge for edge in edges if dose.start() < edge < dose.end()], dose[0]
    assert len(said) < 12 or any(len(cut(document, count, 60)) > 1 for document in documents)

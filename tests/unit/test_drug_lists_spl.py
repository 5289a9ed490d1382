"""Is a drug label read as the sections a reader looks for, tables with their headings, nothing left out?"""

from datetime import date

import pytest

from probatum import chunks
from probatum.errors import Rejected
from probatum.records import SourceRelease
from sources.drug_lists.spl import heading
from sources.formulary import Formulary

RELEASE = SourceRelease("formulary", "2026-07", date(2026, 7, 1), "test", "test")
NDC, UNII = "2.16.840.1.113883.6.69", "2.16.840.1.113883.4.9"
PRODUCT = f"""<component><section><id root="s0"/><code code="48780-1"/><subject><manufacturedProduct><manufacturedProduct>
<code code="0001-0155" codeSystem="{NDC}"/><name>Northstat<suffix>XR</suffix></name><formCode code="C1" displayName="TABLET"/>
<asEntityWithGeneric><genericMedicine><name>atorvastatin calcium</name></genericMedicine></asEntityWithGeneric>
<ingredient classCode="ACTIM"><quantity><numerator value="10" unit="mg"/><denominator value="1" unit="1"/></quantity>
<ingredientSubstance><code code="ABC" codeSystem="{UNII}"/><name>ATORVASTATIN CALCIUM</name></ingredientSubstance></ingredient>
<ingredient classCode="IACT"><ingredientSubstance><code code="DEF" codeSystem="{UNII}"/><name>TALC</name></ingredientSubstance></ingredient>
<asContent><containerPackagedProduct><code code="0001-0155-23" codeSystem="{NDC}"/></containerPackagedProduct></asContent>
</manufacturedProduct><subjectOf><characteristic><code code="SPLCOLOR"/><value code="C2"/></characteristic></subjectOf>
<consumedIn><substanceAdministration><routeCode displayName="ORAL"/></substanceAdministration></consumedIn>
</manufacturedProduct></subject></section></component>"""
TABLE = """<table><caption>Doses by weight</caption><thead><tr><th rowspan="2">Weight</th><th colspan="2">Dose</th></tr>
<tr><th>Day</th><th>Night</th></tr></thead><tbody><tr><td>10<sup>2</sup> kg<footnote ID="f1">Dry weight.</footnote></td>
<td>10 mg</td><td>20 mg<footnoteRef IDREF="f1"/></td></tr></tbody></table>"""
SECTIONS = (
    ("34066-1", "WARNING: MYOPATHY", "<paragraph>Stop at muscle pain.</paragraph>"),
    ("34067-9", "1 INDICATIONS &amp; USAGE", "<paragraph>For high cholesterol.</paragraph>"),
    (
        "34068-7",
        "Directions",
        f"<paragraph>Once daily:</paragraph>{TABLE}<list listType='ordered'><item>Swallow whole.</item></list>",
    ),
    ("34070-3", "", "<list><item>Pregnancy<list><item>all of it</item></list></item></list>loose words"),
    ("99999-9", "", "<paragraph>Nobody named me.</paragraph>"),
)


def section(code, title, text, inner=""):
    said = f"<title>{title}</title>" if title else ""
    return f'<component><section><code code="{code}" displayName="Odd Section"/>{said}<text>{text}</text>{inner}</section></component>'


def label(body=None, *, version="3", set_id="AB-12", product=PRODUCT):
    body = "".join(section(*said) for said in SECTIONS) if body is None else body
    return f"""<?xml version="1.0"?><document xmlns="urn:hl7-org:v3"><id root="x"/><code code="34391-3" displayName="HUMAN PRESCRIPTION DRUG LABEL"/>
<title>Drug Facts</title><effectiveTime value="20240113"/><setId root="{set_id}"/><versionNumber value="{version}"/>
<author><assignedEntity><representedOrganization><name>Hillside Pharma</name></representedOrganization></assignedEntity></author>
<component><structuredBody>{product}{body}</structuredBody></component></document>"""


def parse(tmp_path, *labels):
    source, paths = Formulary(), {}
    for number, text in enumerate(labels):
        paths[f"{number}.xml"] = tmp_path / str(number)
        paths[f"{number}.xml"].write_text(text, "utf-8")
    return source, list(source.parse(paths, RELEASE))


@pytest.fixture
def read(tmp_path):
    source, [document] = parse(tmp_path, label())
    return source, document


def headings(document):
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == "heading"]


def test_a_label_is_one_document_under_its_set_id(read):
    _, document = read
    assert (document.id, document.layout, document.valid_from) == ("ab-12", "sections", "2024-01-13")
    assert document.title == "Northstat XR (atorvastatin calcium) tablet" and document.family == "atorvastatin"
    assert document.meta["codes"] == {"ndc": ["0001-0155", "0001-0155-23"], "unii": ["ABC"]}
    assert (document.meta["strength"], document.meta["route"], document.meta["plan"]) == (
        "10 mg TABLET",
        "ORAL",
        "Hillside Pharma",
    )
    assert "Drug Facts" in document.text and "inactive TALC" in document.text


def test_sections_are_named_by_what_their_code_means(read):
    _, document = read
    assert headings(document) == [
        "About this label",
        "Boxed warning: WARNING: MYOPATHY",
        "1 INDICATIONS & USAGE",
        "Dosage and administration: Directions",
        "Contraindications",
        "Odd",
    ]


@pytest.mark.parametrize(
    ("code", "title", "display", "named"),
    [
        ("34066-1", "", "", "Boxed warning"),
        ("34070-3", "4 CONTRAINDICATIONS", "", "4 CONTRAINDICATIONS"),
        ("42229-5", "5.1 Skeletal Muscle", "SPL UNCLASSIFIED SECTION", "5.1 Skeletal Muscle"),
        ("42229-5", "", "SPL UNCLASSIFIED SECTION", ""),
        ("12345-6", "", "MICROBIOLOGY SECTION", "Microbiology"),
    ],
)
def test_a_heading_is_the_title_the_code_or_both(code, title, display, named):
    assert heading(code, title, display) == named


def test_a_table_keeps_its_caption_its_headings_and_its_notes(read):
    _, document = read
    start = document.text.index("Table: Doses by weight")
    assert document.text[start:].split("\n\n")[:4] == [
        "Table: Doses by weight",
        "Weight | Dose | Dose\nWeight | Day | Night\n10² kg [1] | 10 mg | 20 mg [1]",
        "[1] Dry weight.",
        "1. Swallow whole.",
    ]
    of_table = [b for b in document.blocks if b.table == 0]
    assert [b.kind for b in of_table] == ["table-header", "table-header", "table-row"]
    assert {b.section for b in of_table} == {("Dosage and administration: Directions",)}


def test_lists_in_lists_and_loose_words_are_kept(read):
    _, document = read
    assert "Pregnancy\n\nall of it\n\nloose words" in document.text


def test_a_section_without_a_name_does_not_go_under_the_one_before_it(tmp_path):
    inner = section("42229-5", "1.1 Named", "<paragraph>a</paragraph>") + section(
        "42229-5", "", "<paragraph>b</paragraph>"
    )
    _, [document] = parse(tmp_path, label(section("34067-9", "1 INDICATIONS AND USAGE", "", inner)))
    place = next(b for b in document.blocks if document.text[b.start : b.end] == "b")
    assert place.section == ("1 INDICATIONS AND USAGE", "Further text")


def test_codes_and_dates_that_are_not_shown_are_counted(read):
    source, _ = read
    assert source.dropped == {
        "characteristic.code": 1,
        "characteristic.value": 1,
        "ingredientSubstance.code": 1,  # of talc
        "label.id": 1,
        "section.id": 1,
    }


def test_every_block_is_its_span_and_the_chunks_hold_every_section(read):
    _, document = read
    assert all(document.text[b.start : b.end].strip() for b in document.blocks)
    cut = chunks.chunk(document, lambda texts: [len(text.split()) for text in texts], 128)
    held = "".join(document.text[chunk.start : chunk.end] for chunk in cut)
    assert all(name in held for name in (*headings(document), "Nobody named me.", "10² kg"))


def test_the_newer_version_of_a_label_is_read(tmp_path):
    source, [document] = parse(tmp_path, label(version="10"), label(section("34067-9", "", "old"), version="9"))
    assert "old" not in document.text and source.dropped["older versions of a label"] == 1


def test_one_version_twice_is_refused(tmp_path):
    with pytest.raises(Rejected, match=r"0.xml and 1.xml are the same version of one label"):
        parse(tmp_path, label(), label())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (label(set_id=""), r"0.xml is a label without set id"),
        (label(version="x"), r"0.xml is a label without set id or version number"),
        (label()[:-40], r"0.xml is not well-formed XML"),
        (label("", product=""), r"0.xml is a label without text"),
    ],
)
def test_a_broken_label_is_refused(tmp_path, text, said):
    with pytest.raises(Rejected, match=said):
        parse(tmp_path, text)

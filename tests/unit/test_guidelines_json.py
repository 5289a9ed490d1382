"""Recommendations and guidance in chapters as publishers send them in JSON: nothing is lost, and ids do not depend on files."""

import json
from collections import Counter
from datetime import date

import pytest

from probatum.errors import Rejected
from probatum.records import SourceRelease
from sources.guidelines import Guidelines
from sources.json_pages import moment

RELEASE = SourceRelease("guidelines", "2026-07", date(2026, 7, 1), "invented", "test")
SPECIFIC = {
    "id": 7,
    "title": "Hiccups: <b>Screening</b> -- Adults &gt;65 years",
    "grade": "B",
    "gradeVer": 1,
    "gender": "female",
    "sex": "female",
    "ageRange": [65, 99],
    "text": "Screen every adult &ge;65 years.<br><br> <br>\r\nDo not screen if BP <130/85.",
    "servFreq": "<p>once a year</p>\r\n<p>&nbsp;</p>",
    "serviceOptions": [{"serviceName": "listening", "servFrequencyMonths": 12}],
    "riskName": "Other",
    "risk": ["3"],
    "riskText": "<h3>Who</h3><ul><li>Smokers<sup>2</sup></li><li>Singers</li></ul>",
    "general": "70",
    "tool": ["9", "8"],
    "bmi": "OB",
}
GENERAL = {
    "topicType": "Screening",
    "topicYear": 2026,
    "uspstfAlias": "hiccups-screening",
    "specific": [7],
    "title": "Hiccups: Screening",
    "rationale": "<p>They annoy.</p>",
    "clinical": "<h2>Clinical considerations</h2><table><tr><th>Age</th><th>Test</th></tr><tr><td>65</td><td>ear</td></tr></table>",
    "keywords": "hic|cup",
    "pubDate": "2026-03-04",
    "categories": ["1"],
    "tool": ["9"],
}
DUMP = {
    "specificRecommendations": [SPECIFIC],
    "generalRecommendations": {"70": GENERAL},
    "grades": {"B": ["Old meaning.", "Offer the service."]},
    "tools": {"9": {"title": "Ear trumpet", "url": "https://tools.example/9", "text": "<p>How to listen</p>"}, "8": {"title": "Card"}},
    "risks": {"3": {"code": "VOICE", "name": "Uses the voice"}},
    "categories": {"1": {"name": "Breathing"}},
}  # fmt: skip


def parsed(tmp_path, raw, name="any name.json", **beside):
    path = tmp_path / "3f9c"
    path.write_bytes((raw if isinstance(raw, str) else json.dumps(raw)).encode())
    files = {name: path}
    for other, content in beside.items():
        (tmp_path / other).write_text(content)
        files["release.toml"] = tmp_path / other
    return list(Guidelines().parse(files, RELEASE))


def sections(document):
    found = {}
    for block in document.blocks:
        if block.kind != "heading":
            found.setdefault(block.section[1:], []).append(document.text[block.start : block.end])
    return found


# ---------------------------------------------------------------- recommendations


def test_a_recommendation_becomes_a_document_with_all_it_says(tmp_path):
    specific, _ = parsed(tmp_path, DUMP)
    assert (specific.id, specific.title) == ("uspstf-7", "Hiccups: Screening -- Adults >65 years")
    assert sections(specific) == {
        ("Recommendation",): ["Screen every adult ≥65 years.", "Do not screen if BP <130/85."],
        ("Grade",): ["Grade B. Offer the service."],
        ("Population",): [
            "Sex: female",
            "Age: 65 to 99 years",
            "Risk: Other; Uses the voice",
            "Weight: OB (obese: body mass index 30 or more)",
        ],
        ("Risk", "Who"): ["Smokers²", "Singers"],
        ("Frequency of service",): ["once a year"],
        ("Services",): ["listening: every 12 months"],
        ("Topic",): ["Hiccups: Screening, Screening, 2026", "Categories: Breathing", "Keywords: hic, cup"],
        ("Tools",): ["Card"],
    }
    assert specific.meta["grade"] == "B" and specific.meta["topic"] == "70" and specific.meta["dropped"] == {}
    assert specific.valid_from == "2026-03-04" and specific.file == "any name.json"


def test_what_the_recommendations_of_a_topic_share_is_said_once(tmp_path):
    raw = DUMP | {"specificRecommendations": [SPECIFIC, SPECIFIC | {"id": 8, "grade": "I"}]}
    *_, topic = parsed(tmp_path, raw)
    assert topic.id == "uspstf-general-70" and topic.meta["recommendations"] == ["7", "8"]
    assert sections(topic) == {
        ("Rationale",): ["They annoy."],
        ("Clinical considerations",): ["Age | Test", "65 | ear"],
        ("Topic",): ["Hiccups: Screening, Screening, 2026", "Categories: Breathing", "Keywords: hic, cup"],
        ("Recommendations",): [
            "Hiccups: Screening -- Adults >65 years (grade B)",
            "Hiccups: Screening -- Adults >65 years (grade I)",
        ],
        ("Tools",): ["Ear trumpet: How to listen (https://tools.example/9)"],
    }
    assert topic.meta["tables"] == 1 and topic.meta["dropped"] == {}


def test_a_section_may_be_a_list_or_an_object_keyed_by_id(tmp_path):
    def turned(section):
        if isinstance(section, list):
            return {str(one["id"]): {k: v for k, v in one.items() if k != "id"} for one in section}
        return [{"id": int(key)} | value for key, value in section.items()]

    other_way = {name: section if name == "grades" else turned(section) for name, section in DUMP.items()}
    assert [(d.id, d.text) for d in parsed(tmp_path, other_way)] == [(d.id, d.text) for d in parsed(tmp_path, DUMP)]


def test_what_is_not_in_the_file_and_keys_nobody_reads_are_counted(tmp_path):
    raw = {
        "specificRecommendations": [SPECIFIC | {"colour": "red"}],
        "note": "Hello",
        "tools": {"5": {"title": "Unused"}},
    }
    (document,) = parsed(tmp_path, raw)
    assert document.meta["dropped"] == {
        "grades whose meaning is not in the file": 1,
        "key colour": 1,
        "key note": 1,
        "risks whose name is not in the file": 1,
        "tools that are not in the file": 2,
        "tools that no recommendation names": 1,
        "topics that are not in the file": 1,
    }


def test_ids_are_the_publishers_whatever_the_file_is_called(tmp_path):
    one, other = parsed(tmp_path, DUMP, "a.json"), parsed(tmp_path, DUMP, "dump of 2026.JSON")
    assert [document.id for document in one] == [document.id for document in other] == ["uspstf-7", "uspstf-general-70"]
    toml = '[[documents]]\nfile = "a.json"\nid = "board"\ntrust = "high"\neffective = 2026-06-01\n'
    listed = parsed(tmp_path, DUMP, "a.json", listing=toml)
    assert [(d.id, d.family, d.valid_from) for d in listed] == [
        (i, i, "2026-06-01") for i in ("board-7", "board-general-70")
    ]
    assert {document.meta["trust"] for document in listed} == {"high"}


def test_a_page_inside_json_is_not_taken_for_a_sign_in_page(tmp_path):
    raw = {"specificRecommendations": [SPECIFIC | {"riskText": "<h2>Sign in</h2><p>Not found</p>"}]}
    assert ("Risk", "Sign in") in sections(parsed(tmp_path, raw)[0])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ('{"specificRecommendations": [{"id": 1, "title": "A"', "is not whole JSON at line 1"),
        ('{"specificRecommendations": [], "specificRecommendations": []}', "one key stands twice"),
        ('{"a": NaN}', "is not whole JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"specificRecommendations": 3}', "JSON of a shape that is not known"),
        (json.dumps(DUMP | {"specificRecommendations": [{"title": "A"}]}), "1 entries have no id or are no object, entries 1"),
        (json.dumps(DUMP | {"specificRecommendations": [SPECIFIC, SPECIFIC]}), "1 entries have an id that another has"),
        (json.dumps(DUMP | {"specificRecommendations": [SPECIFIC | {"text": "<br>"}]}), "recommendation 7 says nothing"),
        (json.dumps(DUMP | {"specificRecommendations": [SPECIFIC | {"title": ""}]}), "recommendation 7 has no title"),
        ('{"items": [{"id": "NG1", "status": "published"}]}', "lists guidance but holds none"),
        (b"\xff\xfe".decode("latin-1") + "\0", "binary data"),
    ],
)  # fmt: skip
def test_json_that_cannot_be_relied_on_is_refused_with_its_name(tmp_path, raw, said):
    """P7: a dump cut short, turned inside out, or with two answers to one question is not read in part."""
    with pytest.raises(Rejected, match=said) as refused:
        parsed(tmp_path, raw, "dump.json")
    assert "dump.json" in refused.value.happened


# ---------------------------------------------------------------- chapters

GUIDANCE = {
    "GuidanceNumber": "XX51",
    "LongTitle": "Hiccups (XX51)",
    "Title": "Hiccups &amp; burps",
    "LastModified": "2026-05-06T10:00:00Z",
    "Uri": "https://guidance.example/xx51",
    "Chapters": [
        {"ChapterId": "overview", "Title": "Overview", "Content": "<p>For adults.</p>", "Sections": []},
        {
            "Title": "Recommendations",
            "Content": "",
            "Sections": [
                {"Title": "Fluid", "Content": "<h3>Fluid</h3><p>Give 500&nbsp;mL.</p><h4>Children</h4><p>Give 20 mL/kg.</p>"},
                {"Title": "Review", "Content": "<ol><li>Listen</li></ol>", "Odd": 1},
            ],
        },
    ],
    "Extra": {"a": 1},
}  # fmt: skip


def test_chapters_and_their_sections_become_nested_sections(tmp_path):
    (document,) = parsed(tmp_path, GUIDANCE, "xx51.json")
    assert sections(document) == {
        ("Overview",): ["For adults."],
        ("Recommendations", "Fluid"): ["Give 500 mL."],
        ("Recommendations", "Fluid", "Children"): ["Give 20 mL/kg."],
        ("Recommendations", "Review"): ["1. Listen"],
    }
    assert (document.id, document.title, document.valid_from) == ("xx51.json", "Hiccups & burps", "2026-05-06")
    assert document.meta["number"] == "XX51" and document.meta["dropped"] == {"key extra": 1, "key odd": 1}


def test_guidance_that_says_itself_that_it_is_withdrawn_gives_no_document(tmp_path):
    """P8: whoever left the file in the folder."""
    for said in ({"Status": "Withdrawn"}, {"status": "Superseded by XX52"}, {"supersededBy": "XX52"}):
        assert parsed(tmp_path, GUIDANCE | said) == []
    assert parsed(tmp_path, GUIDANCE | {"Status": "Published"})


def test_guidance_without_words_is_refused(tmp_path):
    with pytest.raises(Rejected, match=r"xx51\.json holds no text"):
        parsed(tmp_path, GUIDANCE | {"Chapters": [{"Title": "Overview", "Content": ""}]}, "xx51.json")


def test_chapters_below_a_reasonable_depth_are_counted_and_not_followed(tmp_path):
    deep = {"Title": "end", "Content": "<p>end</p>"}
    for n in range(12):
        deep = {"Title": f"level{n}", "Content": f"<p>at{n}</p>", "Sections": [deep]}
    (document,) = parsed(tmp_path, {"Title": "Deep", "Chapters": [deep]})
    assert "at11" in document.text and "at4" in document.text and "at3" not in document.text
    assert document.meta["dropped"] == {"chapters that are no chapters": 1}


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("2026-05-06", "2026-05-06"),
        ("2026-05-06T23:30:00+02:00", "2026-05-06"),
        ("/Date(1778025600000+0100)/", "2026-05-06"),
        ("06/05/2026", None),
        ("/Date(99999999999999)/", None),
        ("", None),
    ],
)
def test_days_are_read_only_where_they_can_mean_one(said, day):
    found = moment(said)
    assert (found and found.date().isoformat()) == day


def test_every_word_of_a_recommendation_survives(tmp_path):
    words = Counter(f"w{n}" for n in range(200))
    text = "".join(f"<p>w{n} <b>w{n + 1}</b><br>w{n + 2} <i>w{n + 3}</i></p>\r\n" for n in range(0, 200, 4))
    fields = ("text", "servFreq", "riskText", "rationale")
    (document,) = parsed(tmp_path, {"specificRecommendations": [SPECIFIC | dict.fromkeys(fields, text)]})
    said = Counter(document.text.split())
    assert {word: said[word] for word in words} == dict.fromkeys(words, len(fields))

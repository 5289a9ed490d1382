"""A formulary's rows become documents that say what the publisher said, and what we add is marked as ours."""

import csv
import io
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from probatum.errors import Rejected
from probatum.records import SourceRelease
from sources import columns, lexicon
from sources.formulary import Formulary, family_of
from sources.formulary_text import slug
from sources.lexicon.ingredients import Drug, DrugLexicon
from sources.tables import Row

RELEASE = SourceRelease("formulary", "2026-07", date(2026, 7, 1), "test", "test")
SAMPLES = Path(__file__).parents[2] / "sources" / "samples" / "formulary"


def parse(tmp_path, **files):
    paths = {}
    for name, rows in files.items():
        paths[f"{name}.csv"] = tmp_path / f"{name}.csv"
        out = io.StringIO()
        csv.writer(out).writerows(rows)
        paths[f"{name}.csv"].write_text(out.getvalue(), "utf-8")
    return {document.id: document for document in Formulary().parse(paths, RELEASE)}


def words(document, kind):
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == kind]


@pytest.fixture(scope="module")
def sample():
    source = Formulary()
    found = source.find(None)
    return found, list(source.parse({f.name: Path(f.location) for f in found.files}, found.release))


def test_the_embedded_release_is_the_july_sample(sample):
    found, documents = sample
    assert (found.release.name, found.release.valid_from) == ("2026-07", date(2026, 7, 1))
    with (SAMPLES / "2026-07.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [document.id for document in documents] == [row["item_id"] for row in rows]
    for document, row in zip(documents, rows, strict=True):
        assert document.title == f"{row['generic_name']} {row['strength_form']}"
        assert all(" ".join(value.split()) in document.text for column, value in row.items() if column != "brand_names")
        assert document.meta["brands"] == [brand.strip() for brand in row["brand_names"].split(";") if brand.strip()]
        assert document.meta["rxcui"] == row["rxcui"] and document.valid_from == row["effective_date"]
        assert document.meta["unmapped"] == 0


def test_the_october_workbook_reads_like_the_july_file(sample):
    source = Formulary()
    found = source.find(str(SAMPLES / "2026-10.xlsx"))
    october = {d.id: d for d in source.parse({f.name: Path(f.location) for f in found.files}, found.release)}
    assert (found.release.name, found.release.valid_from) == ("2026-10", date(2026, 10, 1))
    same = [d for d in sample[1] if d.id in october and october[d.id].meta == d.meta]
    assert len(same) > 400 and all(october[d.id].text == d.text for d in same)


def test_blocks_are_spans_of_the_text(sample):
    for document in sample[1]:
        assert document.blocks[0].kind == "code" and words(document, "title") == [document.title]
        assert all(0 <= b.start < b.end <= len(document.text) for b in document.blocks)
        assert document.meta["generic"] in words(document, "synonym")
        assert set(document.meta["brands"]) <= set(words(document, "synonym"))


def test_a_restriction_is_searched_for_as_one_sentence_with_the_drug(sample):
    restricted = next(d for d in sample[1] if d.meta["criteria"])
    said = restricted.meta
    sentence = f"Restriction of {said['generic']}: {said['restriction']}\nCriteria: {said['criteria']}"
    assert sentence in words(restricted, "synonym")


def test_what_the_lexicon_adds_is_marked_as_ours(sample):
    for document in sample[1]:
        ours = [b for b in document.blocks if b.kind == "lexicon"]
        for block in ours:
            line = document.text[document.text.rindex("\n", 0, block.start) + 1 :]
            assert "Probatum's lexicon, not the publisher's" in line[:80]


def test_strengths_of_one_drug_are_one_family(tmp_path):
    documents = parse(
        tmp_path, list=[["drug", "strength"], ["amoxicillin", "500 mg"], ["Amoxicillin trihydrate", "250 mg/5 mL"]]
    )
    assert {d.family for d in documents.values()} == {"amoxicillin"}
    assert (
        family_of("AMOXICILLIN/CLAVULANATE POTASSIUM")
        == family_of("amoxicillin-clavulanate")
        == family_of("co-amoxiclav")
    )
    assert family_of("zorbinol + quaxamine") == family_of("quaxamine/zorbinol") == "quaxamine+zorbinol"
    assert family_of("digoxin immune fab") != family_of("digoxin")


def test_made_ids_do_not_depend_on_the_order_of_rows(tmp_path):
    head = ["GENERIC NAME", "STRENGTH", "BRAND NAME"]
    rows = [["X", "5 mg tab", "AA"], ["X", "5 mg tab", "BB"], ["X", "5 mg tab", "AA"], ["Y", "0.5 %", ""]]
    forward = parse(tmp_path, list=[head, *rows])
    assert set(forward) == {"x-5-mg-tab-aa", "x-5-mg-tab-aa-2", "x-5-mg-tab-bb", "y-0.5-percent"}
    assert set(parse(tmp_path, list=[head, *reversed(rows)])) == set(forward)


def test_criteria_go_to_the_listed_items_and_stand_alone_where_there_are_none(tmp_path):
    documents = parse(
        tmp_path,
        formulary=[
            ["GENERIC NAME", "STRENGTH", "BRAND NAME"],
            ["QUAXAMINE", "5 MG TAB", "QUAX"],
            ["DIGOXIN", "1 MG TAB", ""],
        ],
        restricted=[
            ["GENERIC NAME", "BRAND NAME", "RESTRICTION CRITERIA"],
            ["quaxamine", "OTHER", "Only for renal patients OR"],
            ["", "", "those on dialysis"],
            ["DIGOXIN IMMUNE FAB", "DIGIFAB", "Poison centre only"],
        ],
        excluded=[["GENERIC NAME", "BRAND NAME", "Reason for Exclusion"], ["ZORBINOL", "ZORB", "No advantage"]],
    )
    assert set(documents) == {
        "quaxamine-5-mg-tab",
        "digoxin-1-mg-tab",
        "digoxin-immune-fab-restricted",
        "zorbinol-excluded",
    }
    listed = documents["quaxamine-5-mg-tab"].meta
    assert listed["criteria"] == "(OTHER) Only for renal patients OR\nthose on dialysis"
    assert (listed["list"], listed["restriction"], listed["criteria_from"]) == (
        "formulary",
        "restricted",
        "restricted.csv",
    )
    assert documents["digoxin-1-mg-tab"].meta["criteria"] == ""
    assert documents["digoxin-immune-fab-restricted"].meta["list"] == "restricted"
    assert "Not on the formulary: ZORBINOL\nReason for exclusion: No advantage" in words(
        documents["zorbinol-excluded"], "synonym"
    )


def test_columns_no_map_knows_are_kept_and_counted(tmp_path):
    rows = [
        ["Drug Name", "Strength", "Shelf", "Pharmacy Zone"],
        ["amoxicillin", "500 mg cap", "B7", "north"],
        ["ampicillin", "1 g vial", "", ""],
    ]
    first, second = parse(tmp_path, list=rows).values()
    assert "\nShelf: B7\nPharmacy Zone: north" in first.text and first.meta["unmapped"] == 2
    assert second.meta["unmapped"] == 0


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        (
            "Medication|Dosage Form|Strength|Route|Trade Name|Therapeutic Class|Formulary Status",
            "name form strength route brands class tier",
        ),
        (
            "Drug ID|Generic Name|Brand Name|AHFS Category|PA|ST|QL|NDC",
            "id name brands class prior_authorisation step_therapy quantity_limit product_code",
        ),
        ("drugName|doseForm|drugClass|rxNormCUI|effectiveDate", "name form class rxcui effective_date"),
        (
            "Item Number|Medicine|Presentation|BNF Chapter|Restrictions|Approved Indications|Comments",
            "id name strength class restriction criteria notes",
        ),
        ("Product Name|Strength", "name strength"),
        ("Generic|Brand|Tier|Prior Authorization Criteria|Quantity Limit", "name brands tier criteria quantity_limit"),
    ],
)
def test_common_headers_are_recognised(headers, fields):
    found = columns.recognise(headers.split("|"))
    assert sorted(found, key=found.get) == fields.split()


def test_a_title_above_the_header_is_stepped_over():
    rows = [Row(1, ("Northfield Formulary", "")), Row(3, ("Drug", "Strength")), Row(4, ("a", "1 mg"))]
    assert columns.choose(rows, "x.csv").header == 1


def test_kinds_of_restriction_in_columns_of_their_own_are_put_together(tmp_path):
    rows = [
        ["Drug", "Strength", "PA", "ST", "QL"],
        ["quaxamine", "1 mg", "Y", "", "30/30 days"],
        ["zorbinol", "2 mg", "N", "N", ""],
    ]
    first, second = parse(tmp_path, list=rows).values()
    assert (
        first.meta["restriction"] == "prior authorisation; quantity limit: 30/30 days"
        and second.meta["restriction"] == ""
    )


def test_zeros_in_front_halves_and_na_are_kept(tmp_path):
    rows = [["code", "drug", "strength", "rxcui", "notes"], ["007", "quaxamine", "1/2 tab", "0723", "NA"]]
    document = parse(tmp_path, list=rows)["007"]
    assert (document.meta["strength"], document.meta["rxcui"], document.meta["notes"]) == ("1/2 tab", "0723", "NA")


@pytest.mark.parametrize(
    ("written", "day"), [("25/12/2025", "2025-12-25"), ("12/25/2025", "2025-12-25"), ("01/02/2025", "2026-07-01")]
)
def test_a_date_both_ways_readable_leaves_the_release_s(tmp_path, written, day):
    document = next(
        iter(parse(tmp_path, list=[["drug", "strength", "effective date"], ["quaxamine", "1 mg", written]]).values())
    )
    assert document.valid_from == day


def test_a_guessed_id_that_repeats_itself_is_a_detail(tmp_path):
    rows = [
        ["drug", "strength", "code"],
        ["quaxamine", "1 mg", "7"],
        ["quaxamine", "2 mg", "7"],
        ["zorbinol", "1 mg", "7"],
    ]
    documents = parse(tmp_path, list=rows)
    assert set(documents) == {"quaxamine-1-mg", "quaxamine-2-mg", "zorbinol-1-mg"}
    assert "\ncode: 7" in documents["zorbinol-1-mg"].text


def test_two_issues_in_one_folder_are_refused(tmp_path):
    rows = [["drug", "strength"], *([f"drug{i}ine", "1 mg"] for i in range(8))]
    with pytest.raises(Rejected, match="hold the same list twice"):
        parse(tmp_path, july=rows, october=[*rows, ["newinol", "1 mg"]])


def test_a_list_split_by_letter_is_one_release(tmp_path):
    head = ["drug", "strength"]
    documents = parse(
        tmp_path,
        a=[head, *([f"a{i}ine", "1 mg"] for i in "bcdefg")],
        n=[head, *([f"n{i}ine", "1 mg"] for i in "bcdefg")],
    )
    assert len(documents) == 12 and {d.file for d in documents.values()} == {"a.csv", "n.csv"}


def test_sheets_that_are_no_list_are_counted(tmp_path):
    path = tmp_path / "list.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["Read me first"])
    sheet = book.create_sheet("Drugs")
    sheet.append(["Drug", "Strength"])
    sheet.append(["quaxamine", "1 mg"])
    book.save(path)
    source = Formulary()
    assert [d.id for d in source.parse({"list.xlsx": path}, RELEASE)] == ["quaxamine-1-mg"]
    assert source.dropped == {"sheets that are no list of drugs": 1}


def test_slugs_are_never_empty_and_keep_the_decimal_point():
    assert (slug("Amoxicillin 0.5 %"), slug("Ünïcode-X.")) == ("amoxicillin-0.5-percent", "unicode-x")
    assert slug("测试") and slug("测试") != slug("另外") and len(slug("x" * 500)) <= 120


def test_every_map_is_sound_and_the_lexicon_reads():
    assert {m.map for m in columns.maps()} == {"northfield", "bc_hospitals_lists", "bc_hospitals_classes"}
    assert len(lexicon.drugs()) > 1000


LEXICON = DrugLexicon(
    [
        Drug("acetaminophen", ("paracetamol",), ("Tylenol",)),
        Drug("aspirin", ("ASA",)),
        Drug("amoxicillin"),
        Drug("amoxicillin-clavulanate", ("co-amoxiclav",)),
        Drug("digoxin"),
        Drug("insulin glargine"),
        Drug("metoprolol succinate"),
        Drug("metoprolol tartrate"),
        Drug("potassium chloride"),
        Drug("salmeterol"),
        Drug("fluticasone"),
        Drug("ibuprofen", ("same name",)),
        Drug("naproxen", ("same name",)),
    ]
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("AMOXICILLIN/CLAVULANATE POTASSIUM", ["amoxicillin-clavulanate"]),
        ("Clavulanate + Amoxicillin", ["amoxicillin-clavulanate"]),
        ("acetaminophen (paracetamol)", ["acetaminophen"]),
        ("Panadol X (paracetamol)", ["acetaminophen"]),
        ("ASA", ["aspirin"]),
        ("amoxicillin trihydrate 500 mg cap", ["amoxicillin"]),
        ("Insulin Glargine 300 units/mL pen", ["insulin glargine"]),
        ("metoprolol succinate", ["metoprolol succinate"]),
        ("metoprolol", []),  # two salts, two drugs
        ("potassium chloride", ["potassium chloride"]),
        ("potassium phosphate", []),
        ("salmeterol-fluticasone", ["salmeterol", "fluticasone"]),
        ("acetaminophen and zorbinol", ["acetaminophen"]),
        ("digoxin immune fab", []),
        ("TYLENOL", ["acetaminophen"]),
        ("same name", []),
        ("", []),
    ],
)
def test_ingredients_are_found_by_equal_words_alone(name, found):
    assert [drug.ingredient for drug in LEXICON.find(name)] == found


def test_a_row_says_whose_list_it_is_from_and_its_codes_by_system(sample, tmp_path):
    document = sample[1][0]
    assert document.meta["part"] == "Northfield General Hospital (sample)"
    assert document.meta["codes"] == {"rxnorm": [document.meta["rxcui"]]}
    unknown = parse(
        tmp_path, list=[["Drug", "RxCUI", "NDC code", "ATC"], ["ambroxol", "625; 626", "0001-0002-03", "R05CB06"]]
    )
    assert unknown["ambroxol"].meta["part"] == "formulary"
    assert unknown["ambroxol"].meta["codes"]["rxnorm"] == ["625", "626"]
    assert unknown["ambroxol"].meta["codes"]["ndc"] == ["0001-0002-03"]

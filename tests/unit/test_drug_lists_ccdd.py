"""Is the Canadian data set read level by level, with its nulls, its zeros and its controlled drugs?"""

import csv
import io
from datetime import date

import pytest

from probatum.errors import Rejected
from probatum.records import SourceRelease
from sources.formulary import Formulary

RELEASE = SourceRelease("formulary", "2026-07", date(2026, 7, 1), "test", "test")
MP = ["mp_code", "mp_formal_name", "mp_en_description", "mp_fr_description", "mp_status", "mp_status_effective_time", "mp_type", "Health_Canada_identifier", "Health_Canada_product_name"]  # fmt: skip
NTP = ["ntp_code", "ntp_formal_name", "ntp_en_description", "ntp_fr_description", "ntp_status", "ntp_status_effective_time", "ntp_type"]  # fmt: skip
TM = ["tm_code", "tm_formal_name", "tm_fr_description", "tm_status", "tm_status_effective_time"]
RELATION = ["mp_code", "mp_formal_name", "ntp_code", "ntp_formal_name", "tm_code", "tm_formal_name"]
GROUPING = ["ccdd_code", "ccdd_formal_name", "ccdd_type", "policy_type", "policy_reference", "special_groupings_status", "special_groupings_status_effective_time"]  # fmt: skip
ATTRIBUTE = ["attribute", "attribute_code", "attribute_value", "fr_attribute_value", "ccdd_file_type", "attribute_status", "attribute_status_effective_time"]  # fmt: skip

CLINICAL = "codeine (codeine phosphate) 15 mg oral tablet"
PRODUCT = f"NORTHCOD ({CLINICAL}) HILLSIDE PHARMA INC"
FILES = {
    "mp.csv": [
        MP,
        [
            "00012345",
            PRODUCT,
            "NA",
            "NORTHCOD (codéine 15 mg) HILLSIDE",
            "Active",
            "20240703",
            "DIN",
            "02537508",
            "NORTHCOD",
        ],
    ],
    "ntp.csv": [NTP, ["9000001", CLINICAL, "NA", "codéine 15 mg comprimé", "Active", "20200102", "NA"]],
    "tm.csv": [TM, ["8000001", "codeine", "codéine", "Active", "19511230"]],
    "relations.csv": [RELATION, ["00012345", PRODUCT, "9000001", CLINICAL, "8000001", "codeine"]],
    "groupings.csv": [
        GROUPING,
        ["00012345", PRODUCT, "MP", "500002", "https://laws.example/act", "Active", "20170919"],
        ["8000001", "codeine", "TM", "500009", "NA", "Active", "20170919"],
        ["00012345", PRODUCT, "MP", "500008", "https://laws.example/old", "Inactive", "20170919"],
    ],
    "attributes.csv": [
        ATTRIBUTE,
        ["policy_type", "500002", "Narcotic (CDSA I)", "Stupéfiant", "special_groupings", "Active", "20170919"],
    ],
}


def parse(tmp_path, files):
    source, paths = Formulary(), {}
    for name, rows in files.items():
        out = io.StringIO()
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
        paths[name] = tmp_path / name
        paths[name].write_text(out.getvalue(), "utf-8")
    return source, {document.id: document for document in source.parse(paths, RELEASE)}


@pytest.fixture
def read(tmp_path):
    return parse(tmp_path, FILES)


def test_every_level_is_a_document_of_one_family(read):
    _, documents = read
    assert {i: d.family for i, d in documents.items()} == {
        "00012345": "codeine",
        "9000001": "codeine",
        "8000001": "codeine",
    }
    assert documents["9000001"].title == CLINICAL and documents["8000001"].title == "codeine"


def test_a_product_carries_its_clinical_drug_its_brand_and_its_codes(read):
    _, documents = read
    product = documents["00012345"]
    assert product.text.startswith("00012345 NORTHCOD (") and f"Also called: {CLINICAL}" in product.text
    assert product.meta["codes"] == {"ccdd": ["00012345"], "din": ["02537508"]}
    assert product.meta["brands"] == ["NORTHCOD"] and product.meta["strength"] == "15 mg oral tablet"
    assert "In French: NORTHCOD (codéine 15 mg) HILLSIDE" in product.text and product.valid_from == "2024-07-03"


def test_a_product_is_below_its_clinical_drug_and_that_below_its_drug(read):
    _, documents = read
    assert documents["00012345"].meta["parent"] == "9000001" and documents["9000001"].meta["parent"] == "8000001"
    ours = {identity for identity, document in documents.items() if any(b.kind == "lexicon" for b in document.blocks)}
    assert ours == {"8000001"}  # said once, and found from below


def test_a_product_whose_clinical_drug_was_not_sent_is_below_its_drug(tmp_path):
    _, documents = parse(tmp_path, {name: FILES[name] for name in ("mp.csv", "tm.csv", "relations.csv")})
    assert documents["00012345"].meta["parent"] == "8000001"


def test_a_literal_NA_is_nothing(read):
    _, documents = read
    assert all("NA" not in line.split(": ")[-1].split() for d in documents.values() for line in d.text.splitlines())


def test_a_controlled_drug_says_so_in_words(read):
    source, documents = read
    assert documents["00012345"].meta["restriction"] == "Narcotic (CDSA I)"
    assert documents["8000001"].meta["restriction"] == "500009"  # a policy without words stays its code
    assert source.dropped["special groupings not active"] == 1


def test_a_product_no_longer_sold_stays_and_says_so(tmp_path):
    gone = [cell if cell != "Active" else "Inactive" for cell in FILES["mp.csv"][1]]
    _, documents = parse(tmp_path, {"mp.csv": [MP, gone]})
    product = documents["00012345"]
    assert product.meta["status"] == "inactive"
    assert "Status: inactive" in product.text and "Status since: 2024-07-03" in product.text


def test_the_drug_is_found_in_the_name_where_no_relation_tells_it(tmp_path):
    _, documents = parse(tmp_path, {"mp.csv": FILES["mp.csv"]})
    assert (
        documents["00012345"].family == "codeine"
        and documents["00012345"].meta["generic"] == "codeine (codeine phosphate)"
    )


def test_columns_nobody_described_are_shown(tmp_path):
    rows = [[*FILES["tm.csv"][0], "tm_storage"], [*FILES["tm.csv"][1], "below 25 °C"]]
    _, documents = parse(tmp_path, {"tm.csv": rows})
    assert "tm_storage: below 25 °C" in documents["8000001"].text


def test_relations_alone_are_no_list(tmp_path):
    with pytest.raises(Rejected, match=r"No drug is in relations.csv"):
        parse(tmp_path, {"relations.csv": FILES["relations.csv"]})


def test_a_row_without_a_name_is_refused_by_its_line(tmp_path):
    with pytest.raises(Rejected, match=r"tm.csv, line 3, has no code or no name"):
        parse(tmp_path, {"tm.csv": [*FILES["tm.csv"], ["8000002", "NA", "NA", "Active", "20200101"]]})


def test_two_issues_of_one_level_are_refused(tmp_path):
    with pytest.raises(Rejected, match=r"8000001 stands twice in this release, in june.csv and in tm.csv"):
        parse(tmp_path, {"tm.csv": FILES["tm.csv"], "june.csv": FILES["tm.csv"]})

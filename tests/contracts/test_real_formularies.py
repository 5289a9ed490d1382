"""Formularies as their publishers released them are read whole. Skipped where the files are not at hand."""

import csv
import html
import io
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from sources.formulary import Formulary
from sources.lexicon.ingredients import normalised

DATA = Path(__file__).parents[3] / "shared" / "data" / "formulary"
BC = DATA / "bc_hospital_bcha"
CCDD = DATA / "ccdd_health_canada"

pytestmark = [pytest.mark.real_data, pytest.mark.skipif(not DATA.is_dir(), reason=f"no publishers' files at {DATA}")]

GENERATIONS = {
    "lists": (["formulary.csv", "restricted.csv", "excluded.csv"], 2881),
    "classes": (
        ["formulary class 31Mar2016.csv", "restricted class 31Mar2016.csv", "excluded class 31Mar2016.csv"],
        2575,
    ),
}


def read(paths):
    source = Formulary()
    found = source.find(str(paths[0]))
    return found.release, list(source.parse({path.name: path for path in paths}, found.release))


def raw_cells(path):
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    return [[" ".join(cell.split()).casefold() for cell in row] for row in rows[1:]]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_both_generations_of_the_bc_lists_are_read_and_no_row_is_lost(generation):
    names, listed = GENERATIONS[generation]
    _, documents = read([BC / name for name in names])
    by_list = Counter(document.meta["list"] for document in documents)
    assert by_list["formulary"] == listed
    assert len({document.id for document in documents}) == len(documents)
    everything = "\n".join(document.text for document in documents).casefold()
    drugs = {normalised(document.meta["generic"]) for document in documents}
    for name in names:
        for row in raw_cells(BC / name):
            kept = [
                cell in everything or all(part.strip() in everything for part in cell.split(",")) for cell in row[1:]
            ]
            assert all(kept), (name, row)  # a cell of several brands is split, every other stands as it was
            assert not row[0] or normalised(row[0]) in drugs, (name, row)


def test_the_dated_generation_is_dated_by_its_names():
    release, _ = read([BC / name for name in GENERATIONS["classes"][0]])
    assert release.name == "2016-03-31"


def test_restricted_criteria_reach_the_listed_items():
    _, documents = read([BC / name for name in GENERATIONS["lists"][0]])
    attached = [document for document in documents if document.meta.get("criteria_from")]
    assert attached and all(document.meta["list"] == "formulary" and document.meta["criteria"] for document in attached)


@pytest.mark.skipif(not CCDD.is_dir(), reason="no Canadian clinical drug data set")
def test_a_list_no_map_knows_is_read_by_its_headers():
    path = next(CCDD.rglob("mp_full_release_*.csv"))
    _, documents = read([path])
    assert len(documents) == len(raw_cells(path)) == 14_422
    assert all(document.id.isdigit() and document.text.startswith(f"{document.id} ") for document in documents)
    assert any(document.id.startswith("0") for document in documents)


# Publishers' own formats, against a slow count of the raw text by patterns.

FOLDERS = {
    "cms": DATA / "cms_qhp_sample",
    "fhir": DATA / "davinci_fhir",
    "spl": DATA / "fda_spl_labels",
    "ccdd": CCDD,
    "dmd": DATA / "nhs_dmd" / "1",
    "dmd again": DATA / "nhs_dmd" / "2",
}
SLOWEST_S_PER_MB = 6.0  # of a list read on one busy core; measured 0.3 to 1
START_S = 20.0  # importing the models of FHIR


@pytest.fixture(scope="module", params=[name for name, folder in FOLDERS.items() if folder.is_dir()])
def release(request):
    """(name, {id: document}, what was left aside, {file: raw text}, seconds)"""
    source = Formulary()
    found = source.find(str(FOLDERS[request.param]))
    paths = {file.name: Path(file.location) for file in found.files}
    began = time.monotonic()
    documents = list(source.parse(paths, found.release))
    took = time.monotonic() - began
    raw = {name: path.read_text("utf-8-sig") for name, path in paths.items()}
    assert len({document.id for document in documents}) == len(documents)
    return request.param, {document.id: document for document in documents}, source.dropped, raw, took


def only(release, *names):
    if release[0] not in names:
        pytest.skip(f"about {', '.join(names)}")
    return release


def cells(raw, tag, inner):
    """The text of <inner> in every <tag>, by pattern."""
    return [
        [html.unescape(" ".join(said.split())) for said in re.findall(rf"<{inner}>([^<]*)</{inner}>", body)]
        for body in re.findall(rf"<{tag}>(.*?)</{tag}>", raw, re.S)
    ]


def test_every_document_says_whose_it_is_and_spans_its_text(release):
    _, documents, dropped, _, _ = release
    for document in documents.values():
        assert document.meta["part"] and document.meta["format"] and document.title and document.family
        assert all(0 <= b.start < b.end <= len(document.text) for b in document.blocks)
    assert all(count > 0 for count in dropped.values())


def test_a_release_is_read_in_seconds_a_megabyte(release):
    *_, raw, took = release
    assert took < START_S + SLOWEST_S_PER_MB * sum(map(len, raw.values())) / 1e6


def test_every_drug_of_every_plan_is_there(release):
    _, documents, _, raw, _ = only(release, "cms")
    named = {url.rpartition("/")[2] for url in re.findall(r'"(https?:[^"]+drugs[^"]*)"', "".join(raw.values()))}
    lists = [text for name, text in raw.items() if name.rpartition("/")[2] in named]
    assert lists
    said = {(d.meta["part"], d.meta["rxcui"], d.title) for d in documents.values()}
    count = 0
    for text in lists:
        for part in re.split(r'(?="rxnorm_id")', text)[1:]:
            [code], [name] = re.findall(r'"rxnorm_id": *"([^"]+)"', part), re.findall(r'"drug_name": *"([^"]+)"', part)
            for plan in re.findall(r'"plan_id": *"([^"]+)"', part):
                assert (plan, code, name) in said
                count += 1
    assert count == len(documents)


def test_every_formulary_item_and_every_drug_of_the_guide_is_there(release):
    _, documents, dropped, raw, _ = only(release, "fhir")
    items = [name for name, text in raw.items() if re.search(r'"resourceType" *: *"Basic"', text)]
    drugs = {n: t for n, t in raw.items() if re.search(r'"resourceType" *: *"MedicationKnowledge"', t)}
    assert len([d for d in documents.values() if not d.id.startswith("MedicationKnowledge-")]) == len(items)
    everything = "\n".join(document.text for document in documents.values())
    for text in drugs.values():
        for display in re.findall(r'"display" *: *"([^"]+)"', text):
            assert display in everything
    others = Counter(re.search(r'"resourceType" *: *"(\w+)"', text)[1] for text in raw.values())
    used = ("Basic", "MedicationKnowledge", "InsurancePlan")
    assert {k: n for k, n in dropped.items() if k.startswith("FHIR resources ")} == {
        f"FHIR resources {kind}": count for kind, count in others.items() if kind not in used
    }


def test_every_word_of_every_label_is_there(release):
    _, documents, _, raw, _ = only(release, "spl")
    assert len(documents) == len(raw)
    for name, text in raw.items():
        [document] = [d for d in documents.values() if d.file == name]
        held = set(re.findall(r"[a-z0-9]+", document.text.casefold()))
        for body in re.findall(r"<(text|title)\b[^>]*>(.*?)</\1>", text, re.S):
            plain = html.unescape(re.sub(r"\w*<(sup|sub)>.*?</\1>\w*", " ", body[1], flags=re.S))
            plain = re.sub(r"<[^>]*>", " ", plain)
            missing = set(re.findall(r"[a-z0-9]+", plain.casefold())) - held
            assert not missing, (name, missing)
        assert len({b.table for b in document.blocks} - {-1}) == len(re.findall(r"<table\b", text))


def test_every_row_of_every_level_is_a_document_under_its_own_code(release):
    _, documents, _, raw, _ = only(release, "ccdd")
    count = 0
    for name, text in raw.items():
        level = re.search(r"(?:^|/)(device-ntp|mp|ntp|tm)_full", name)
        for row in csv.reader(io.StringIO(text)) if level else ():
            if row[0].endswith("_code"):
                continue
            assert " ".join(row[1].split()) == documents[row[0]].title
            count += 1
    assert count == len(documents)
    assert any(identity.startswith("0") for identity in documents)
    assert not any(re.search(r": NA$", document.text, re.M) for document in documents.values())


def test_every_product_has_the_drug_and_the_clinical_drug_the_relations_say(release):
    _, documents, _, raw, _ = only(release, "ccdd")
    [relations] = [text for name, text in raw.items() if "relationship" in name]
    for mp, _, ntp, clinical, _, drug in list(csv.reader(io.StringIO(relations)))[1:]:
        if mp in documents:
            assert documents[mp].meta["generic"] == drug and clinical in documents[mp].text
            assert documents[mp].family == documents[ntp].family


def test_every_moiety_and_product_of_dmd_is_a_document_and_every_brand_is_found(release):
    _, documents, _, raw, _ = only(release, "dmd", "dmd again")
    whole = "\n".join(raw.values())
    vtm, vmp = cells(whole, "VTM", "NM"), cells(whole, "VMP", "NM")
    assert len(vtm) == len(re.findall("<VTM>", whole)) and len(vmp) == len(re.findall("<VMP>", whole))
    assert len(documents) == len(vtm) + len(vmp)
    titles = {document.title for document in documents.values()}
    assert {name for [name] in vtm + vmp} <= titles
    everything = "\n".join(document.text for document in documents.values())
    for [name] in cells(whole, "AMP", "NM"):
        assert name in everything
    invalid = sum(bool(found) for tag in ("VTM", "VMP") for found in cells(whole, tag, "INVALID"))
    assert sum(document.meta["status"] == "invalid" for document in documents.values()) == invalid


def test_the_codes_of_dmd_are_words(release):
    _, documents, dropped, raw, _ = only(release, "dmd", "dmd again")
    assert not [name for name in dropped if name.startswith("codes without words")]
    whole = "\n".join(raw.values())
    forms = {code for [code] in cells(whole, "DFORM", "FORMCD")}
    assert forms and not any(
        re.search(rf"^Form: .*\b{code}\b", d.text, re.M) for d in documents.values() for code in forms
    )

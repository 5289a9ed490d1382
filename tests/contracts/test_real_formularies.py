"""Formularies as their publishers released them are read whole. Skipped where the files are not at hand."""

import csv
import io
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

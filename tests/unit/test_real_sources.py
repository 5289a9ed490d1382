"""Does the table of real sources count what is there, say what was refused, and read on in pieces?"""

import shutil
from pathlib import Path

import pytest

from bench import real_sources
from probatum.records import Block, Document

SAMPLES = Path(real_sources.__file__).parents[1] / "sources" / "samples"


@pytest.fixture
def told(tmp_path, capsys):
    """{set: cells} of a folder with one good list, and the two issues of the sample formulary in one folder."""
    (tmp_path / "formulary" / "good").mkdir(parents=True)
    shutil.copy(SAMPLES / "formulary" / "2026-07.csv", tmp_path / "formulary" / "good")
    shutil.copytree(SAMPLES / "formulary", tmp_path / "formulary" / "two-issues")
    assert real_sources.main(tmp_path) == 0
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    return {row[0].strip(" |"): row for row in rows}


def test_a_set_is_counted(told):
    with (SAMPLES / "formulary" / "2026-07.csv").open(encoding="utf-8-sig") as lines:
        assert int(told["formulary/good"][2].replace(",", "")) <= sum(1 for _ in lines) - 1
    assert told["formulary/good"][1] == "1 of 1"
    assert int(told["formulary/good"][3]) >= 3


def test_a_refused_set_is_said_to_be_and_its_files_are_read_alone(told):
    assert told["formulary/two-issues"][1].startswith("refused: ")
    alone = [row for name, row in told.items() if name.startswith("formulary/two-issues/")]
    assert len(alone) == len(list((SAMPLES / "formulary").iterdir()))
    assert told["formulary/two-issues/2026-07.csv"][2] == told["formulary/good"][2]


def test_what_is_not_there_is_skipped_aloud(told):
    assert told["icd10cm"][1].startswith("skipped") and told["guidelines"][1].startswith("skipped")


def test_fields_shown_are_the_names_of_lines_and_not_the_lexicons():
    text = "A1 aspirin\nRestriction of aspirin: none\nUsed for (ours): pain"
    blocks = (Block(0, 2, "code"), Block(3, 10, "title"), Block(35, 39, "detail"), Block(57, 61, "lexicon"))
    assert real_sources.shown([Document("A1", "s", "t", text, blocks, "f", "2026-01-01", "x", "0")]) == {"Restriction"}


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("plans.summary_url", True),
        ("fields x", True),
        ("VMP.VTMID of no VTM", False),
        ("files no index names", False),
        ("providers.json, a list of providers", False),
    ],
)
def test_a_counted_field_is_told_from_a_counted_thing(name, field):
    assert real_sources.is_field(name) is field

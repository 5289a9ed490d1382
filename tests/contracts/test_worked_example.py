"""Is the worked example of `sources/README.md` a source, as it stands there?

Its Python becomes a module, its table a release, and what it shows of limits, suites and questions a folder of
expectations; then the example is held to the contract of every source.
"""

import importlib
import json
import re
import shutil
import sys
from pathlib import Path

import orjson
import pytest
import yaml
from source_contract import ROOT, SourceContract

from probatum.errors import Misconfigured, Rejected
from probatum.golden import read_golden
from probatum.table_checks import read_suite

PAGE = (ROOT / "sources" / "README.md").read_text("utf-8")
MOST_LINES = 50
MODULE = "worked_antibiogram"  # a name of its own, should the project ever have an antibiogram


def shown(language: str) -> str:
    """The one block of the page in this language."""
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    return block


def write_expectations(folder: Path) -> Path:
    """As the page says: the suites of the guidelines under another name, with the source's own facts in theirs."""
    for part in ("suites", "golden"):
        (folder / part).mkdir(parents=True)
    general = (ROOT / "expectations" / "thresholds.toml").read_text("utf-8")
    (folder / "thresholds.toml").write_text(f"{general}\n{shown('toml')}", "utf-8")
    shutil.copy(ROOT / "expectations" / "canaries.txt", folder)
    (folder / "golden" / "antibiogram.jsonl").write_text(shown("jsonl"), "utf-8")
    for table, own in (("documents", [json.loads(shown("json"))]), ("texts", [])):
        path = ROOT / "expectations" / "suites" / f"guidelines-{table}.json"
        suite = orjson.loads(path.read_text("utf-8").replace("guidelines", "antibiogram"))
        general = [e for e in suite["expectations"] if not e["kwargs"].get("column", "").startswith("meta.")]
        suite["expectations"] = [*general, *own]
        (folder / "suites" / f"antibiogram-{table}.json").write_bytes(orjson.dumps(suite))
    return folder


class TestWorkedExample(SourceContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def example(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("example")
        (folder / f"{MODULE}.py").write_text(shown("python"), "utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(folder)
            cls.source = importlib.import_module(MODULE).Antibiogram()
            cls.expectations = write_expectations(folder / "expectations")
            yield
        del sys.modules[MODULE]

    @pytest.fixture
    def release(self, tmp_path):
        path = tmp_path / "antibiogram-2026-01-01.csv"
        path.write_text(shown("csv"), "utf-8")
        return path

    def test_it_has_at_most_fifty_lines(self):
        assert len(shown("python").splitlines()) <= MOST_LINES

    def test_every_figure_is_a_sentence_that_can_be_found(self, documents, release):
        header, *rows = [line.split(",") for line in shown("csv").splitlines()]
        assert [document.title for document in documents] == [row[0] for row in rows]
        for document, (organism, isolates, *figures) in zip(documents, rows, strict=True):
            wanted = [
                f"{organism}: {drug} {figure} % susceptible"
                for drug, figure in zip(header[2:], figures, strict=True)
                if figure
            ]
            found = [document.text[block.start : block.end] for block in document.blocks if block.kind == "synonym"]
            assert found == wanted and document.meta == {"isolates": isolates}
        assert self.source.dropped == {"antibiotics not tested": sum(row.count("") for row in rows)} != {}

    @pytest.mark.parametrize(
        ("was", "becomes"),
        [("812,48", "812,480"), ("812,48", "812,4B"), ("Proteus mirabilis", "escherichia coli"), (",812,", ",,")],
        ids=["more-than-all", "no-number", "said-twice", "of-no-isolates"],
    )
    def test_a_line_that_cannot_be_right_is_refused_with_its_number(self, release, found, was, becomes):
        """And without a word of what it says."""
        assert was in shown("csv")
        release.write_text(shown("csv").replace(was, becomes), "utf-8")
        number = 1 + next(n for n, line in enumerate(release.read_text("utf-8").splitlines()) if becomes in line)
        with pytest.raises(Rejected, match=rf"line {number}: ") as refused:
            self.read({found.files[0].name: release}, found.release)
        assert "coli" not in refused.value.happened.replace(found.files[0].name, "")

    def test_it_says_that_it_ships_no_release(self):
        with pytest.raises(Misconfigured):
            self.source.find(None)

    def test_its_suites_and_its_question_are_read_as_they_stand(self, documents, found):
        for table in ("documents", "texts"):
            assert read_suite(self.expectations / "suites" / f"antibiogram-{table}.json").expectations
        [question] = read_golden(self.expectations, self.source.name, found.release.name)
        assert {expected.document for expected in question.expects} <= {document.id for document in documents}

    def test_its_expectation_holds_of_its_documents(self, documents):
        shape = re.compile(json.loads(shown("json"))["kwargs"]["regex"])
        assert all(shape.match(document.meta["isolates"]) for document in documents)

    def test_its_deployment_is_one_like_those_there_are(self):
        there = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]
        [own] = yaml.safe_load(shown("yaml").replace("*cpu", "cpu").replace("*one_at_a_time", "once"))
        assert own["parameters"] == {"source": self.source.name}
        assert any(own.keys() == other.keys() and own["entrypoint"] == other["entrypoint"] for other in there)

"""Does each check of a table see what it is there for, and nothing else? And is no expectation ever left out?"""

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from probatum.errors import Damaged, Misconfigured
from probatum.table_checks import check_tables, read_suite
from probatum.thresholds import largest_loss

EXPECTATIONS = Path(__file__).parents[2] / "expectations"
SUITES = EXPECTATIONS / "suites"
SOURCES = ("icd10", "formulary", "guidelines")
RELEASED = date(2026, 4, 1)
WIDTH = 8
META = {
    "icd10": {"parent": "A00"},
    "formulary": {"tier": "2", "restriction": "SPECIALIST", "status": "current"},
    "guidelines": {"status": "current", "number": "7"},
}


def tables(source, count=6):
    """(documents, texts, vectors) of which everything holds: two texts a document."""
    ids = [f"A{i // 10000:02d}.{i % 10000:04d}" for i in range(count)]
    documents = pd.DataFrame(
        {
            "id": ids,
            "hash": "0" * 64,
            "title": "Cholera",
            "family": "A00",
            "text": "A00.0 Cholera, so they say",
            "valid_from": RELEASED.isoformat(),
            "file": "a.xml",
            "sha256": "0a" * 32,
            "meta": [json.dumps(META[source] | {"billable": i % 4 > 0}) for i in range(count)],
        }
    )
    texts = pd.DataFrame(
        {
            "id": [f"{i}#{n}" for i in ids for n in (0, 1)],
            "document_id": [i for i in ids for _ in (0, 1)],
            "hash": "0" * 64,
            "chunk_id": "c",
            "family": "A00",
            "kind": "title",
            "text": "Cholera",
            "start": 0,
            "end": 26,
            "match_start": 6,
            "match_end": 13,
            "valid_from": RELEASED.isoformat(),
        }
    )
    vectors = np.zeros((len(texts), WIDTH), np.float32)
    vectors[:, 0] = 1
    return documents, texts, vectors


def checks(source, documents, texts, vectors, **others):
    usual = {"suites": SUITES, "valid_from": RELEASED, "previous_documents": None, "largest_loss": 0.1}
    usual |= {"unindexed": {"id_idx": 0}, "encoder_width": WIDTH}
    return check_tables(source, documents, texts, vectors=vectors, **usual | others)


def failed(found):
    return {(check.table.rpartition("-")[2], check.name) for check in found if not check.passed}


def cell(table, column, *values):
    """A break: the first rows of a column become `values`."""

    def break_it(documents, texts, vectors):
        frame = {"documents": documents, "texts": texts}[table]
        frame[column] = frame[column].astype(object)
        frame.loc[: len(values) - 1, column] = list(values)
        if frame[column].map(type).eq(int).all():
            frame[column] = frame[column].astype(int)

    return break_it


def rename(identity):
    """A break: the first document, and its texts with it, get another id."""

    def break_it(documents, texts, vectors):
        documents.loc[0, "id"] = identity
        texts.loc[:1, "document_id"] = identity

    return break_it


def meta(**changes):
    def break_it(documents, texts, vectors):
        documents.loc[0, "meta"] = json.dumps(json.loads(documents.loc[0, "meta"]) | changes)

    return break_it


def vector(*values):
    def break_it(documents, texts, vectors):
        vectors[0, : len(values)] = values

    return break_it


def lose_texts(documents, texts, vectors):
    texts["document_id"] = texts["document_id"].replace(documents["id"][0], documents["id"][1])


BREAKS = [  # source, what is broken, the table, the checks that must say so, and no others
    ("guidelines", rename("A00.0001"), "documents", "id-unique"),
    ("guidelines", rename(None), "documents", "id-present document-has-texts"),
    ("guidelines", rename(" "), "documents", "id-not-blank"),
    ("icd10", cell("documents", "title", None), "documents", "title-present"),
    ("icd10", cell("documents", "title", "\n"), "documents", "title-not-blank"),
    ("icd10", cell("documents", "text", None), "documents", "text-present"),
    ("icd10", cell("documents", "sha256", None), "documents", "sha256-present"),
    ("icd10", cell("documents", "sha256", "0A" * 32), "documents", "sha256-form"),
    ("icd10", cell("documents", "sha256", "0a" * 32 + "\n"), "documents", "sha256-form"),
    ("icd10", cell("documents", "sha256", "0a" * 31), "documents", "sha256-form"),
    ("icd10", cell("documents", "valid_from", "20260401"), "documents", "valid-from-iso"),
    ("icd10", cell("documents", "valid_from", "2026-02-30"), "documents", "valid-from-iso"),
    ("icd10", cell("documents", "valid_from", None), "documents", "valid-from-iso"),
    ("icd10", cell("documents", "valid_from", "2026-10-01"), "documents", "valid-from-of-release"),
    ("icd10", cell("documents", "valid_from", "2101-04-01"), "documents", "valid-from-plausible valid-from-of-release"),
    ("formulary", cell("documents", "valid_from", "2027-06-01"), "documents", "newest-date-near-the-release"),
    ("icd10", cell("documents", "meta", "[]"), "documents", "meta-is-object billable-present"),
    ("icd10", cell("documents", "meta", None), "documents", "meta-is-object billable-present"),
    ("icd10", lose_texts, "documents", "document-has-texts"),
    ("icd10", meta(billable=None), "documents", "billable-present"),
    ("icd10", meta(billable="yes"), "documents", "billable-is-yes-or-no"),
    ("icd10", meta(billable=1), "documents", "billable-is-yes-or-no"),
    ("formulary", meta(tier=2), "documents", "tier-is-text"),
    ("formulary", meta(tier="2" * 201), "documents", "tier-is-short"),
    ("formulary", meta(restriction=True), "documents", "restriction-is-text"),
    ("formulary", meta(restriction="r" * 201), "documents", "restriction-is-short"),
    ("guidelines", meta(status="draft"), "documents", "status-current"),
    ("guidelines", meta(status=None), "documents", "status-present"),
    ("icd10", cell("texts", "id", "twice", "twice"), "texts", "id-unique"),
    ("icd10", cell("texts", "id", None), "texts", "id-present"),
    ("icd10", cell("texts", "id", ""), "texts", "id-not-blank"),
    ("icd10", cell("texts", "text", None), "texts", "text-present"),
    ("icd10", cell("texts", "text", " "), "texts", "text-not-blank"),
    ("icd10", cell("texts", "document_id", "Z99"), "texts", "document-exists"),
    ("icd10", cell("texts", "document_id", None), "texts", "document-exists"),
    ("icd10", cell("texts", "valid_from", "April"), "texts", "valid-from-iso"),
    ("icd10", cell("texts", "valid_from", "0026-04-01"), "texts", "valid-from-plausible"),
    ("icd10", cell("texts", "start", -1), "texts", "span-starts-at-zero-or-after"),
    ("icd10", cell("texts", "start", 26), "texts", "span-has-length match-starts-within-span"),
    ("icd10", cell("texts", "end", 27), "texts", "span-within-document"),
    ("icd10", cell("texts", "match_start", 13), "texts", "match-has-length"),
    ("icd10", cell("texts", "start", 7), "texts", "match-starts-within-span"),
    ("icd10", cell("texts", "end", 12), "texts", "match-ends-within-span"),
    ("icd10", vector(np.nan), "texts", "vector-finite"),
    ("icd10", vector(np.inf), "texts", "vector-finite vector-norm"),
    ("icd10", vector(1, 0.1), "texts", "vector-norm"),
    ("icd10", vector(0), "texts", "vector-norm"),
]


@pytest.mark.parametrize("source", SOURCES)
def test_good_tables_pass_every_check_of_every_suite(source):
    found = checks(source, *tables(source))
    assert not failed(found)
    asked = {(part, e["meta"]["name"]) for part in ("documents", "texts") for e in stored(source, part)["expectations"]}
    assert {(c.table.removeprefix(f"{source}-"), c.name) for c in found} == asked | {("indices", "unindexed-rows")}
    assert len(found) == len(asked) + 1


@pytest.mark.parametrize(("source", "break_it", "table", "names"), BREAKS, ids=[f"{b[2]}-{b[3]}" for b in BREAKS])
def test_what_is_broken_is_said_and_nothing_else(source, break_it, table, names):
    broken = tables(source)
    break_it(*broken)
    assert failed(checks(source, *broken)) == {(table, name) for name in names.split()}


@pytest.mark.parametrize("code", ["a00", "A0", "A00.", "A00.12345", "A00.0\n", "Chapter 1", "A00-B99"])
def test_what_is_no_icd10_code_is_refused(code):
    broken = tables("icd10")
    rename(code)(*broken)
    assert failed(checks("icd10", *broken)) == {("documents", "code-form")}


@pytest.mark.parametrize("code", ["E11", "C4A.0", "S52.501A", "Z3A.40", "O9A", "M1A.0110"])
def test_an_icd10_code_with_letters_anywhere_is_accepted(code):
    good = tables("icd10")
    rename(code)(*good)
    assert not failed(checks("icd10", *good))


def test_a_text_without_words_in_the_document_fails_its_own_check_and_its_spans():
    documents, texts, vectors = tables("icd10")
    documents.loc[0, "text"] = ""
    expected = {("documents", "text-not-blank"), ("texts", "span-within-document")}
    assert failed(checks("icd10", documents, texts, vectors)) == expected


@pytest.mark.parametrize(("previous", "passes"), [(None, True), (0, True), (6, True), (30, False), (7, False)])
def test_documents_may_vanish_up_to_the_largest_loss(previous, passes):
    found = checks("icd10", *tables("icd10"), previous_documents=previous)
    assert failed(found) == (set() if passes else {("documents", "documents-kept")})


@pytest.mark.parametrize(("count", "passes"), [(27, True), (26, False)])
def test_a_tenth_of_thirty_is_three_whatever_binary_fractions_make_of_it(count, passes):
    found = checks("icd10", *tables("icd10", count), previous_documents=30, largest_loss=0.1)
    assert (not failed(found)) == passes
    assert next(c.seen for c in found if c.name == "documents-kept") == f"{count}, allowed at least 27"


def test_empty_tables_do_not_pass():
    documents, texts, vectors = tables("guidelines")
    found = checks("guidelines", documents[:0], texts[:0], vectors[:0])
    assert {("documents", "documents-kept"), ("texts", "texts-exist")} <= failed(found)


def test_vectors_of_another_width_are_refused():
    assert failed(checks("icd10", *tables("icd10"), encoder_width=384)) == {("texts", "vector-width")}


def test_vectors_that_do_not_pair_with_the_texts_are_damage():
    documents, texts, vectors = tables("icd10")
    with pytest.raises(Damaged, match="12 rows and vectors of shape"):
        checks("icd10", documents, texts, vectors[1:])


@pytest.mark.parametrize("unindexed", [{"a": 0, "texts b": 3}, {}])
def test_a_row_outside_an_index_and_a_table_without_one_are_refused(unindexed):
    assert failed(checks("icd10", *tables("icd10"), unindexed=unindexed)) == {("indices", "unindexed-rows")}


@pytest.mark.parametrize(("billable", "passes"), [(True, False), (False, False), (None, True)])
def test_the_share_of_billable_codes_is_plausible_in_a_whole_code_set(billable, passes):
    documents, texts, vectors = tables("icd10", 1001)
    if billable is not None:
        documents["meta"] = json.dumps({"billable": billable})
    found = checks("icd10", documents, texts, vectors)
    assert failed(found) == (set() if passes else {("documents", "billable-share")})


def test_the_share_of_billable_codes_is_not_asked_of_a_sample_and_the_result_says_so():
    documents, texts, vectors = tables("icd10", 6)
    documents["meta"] = '{"billable": false}'
    found = next(c for c in checks("icd10", documents, texts, vectors) if c.name == "billable-share")
    assert found.passed and found.seen == "not asked of 6 rows, only above 1,000"


def test_what_was_seen_names_three_ids_at_most_and_no_content():
    documents, texts, vectors = tables("guidelines")
    documents["meta"] = '{"status": "secret words"}'
    documents["sha256"] = "more secret words"
    seen = {c.name: c.seen for c in checks("guidelines", documents, texts, vectors)}
    assert seen["status-current"] == seen["sha256-form"] == "6 of 6 rows, first A00.0000, A00.0001, A00.0002"
    assert not any("secret" in words for words in seen.values())


def test_a_row_without_an_id_is_named_by_its_place_and_a_long_id_is_cut():
    documents, texts, vectors = tables("guidelines")
    documents.loc[2, "id"] = None
    texts.loc[3, ["id", "text"]] = ["x" * 500, ""]
    seen = {(c.table, c.name): c.seen for c in checks("guidelines", documents, texts, vectors)}
    assert seen["guidelines-documents", "id-present"] == "1 of 6 rows, first row 2"
    assert seen["guidelines-texts", "text-not-blank"] == f"1 of 12 rows, first {'x' * 60}"


def test_checks_do_not_depend_on_the_index_of_the_frames_nor_change_them():
    documents, texts, vectors = tables("formulary")
    documents.index, texts.index = [0] * len(documents), reversed(range(len(texts)))
    before = documents.copy(), texts.copy()
    assert not failed(checks("formulary", documents, texts, vectors))
    assert documents.equals(before[0]) and texts.equals(before[1])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("part", ["documents", "texts"])
def test_a_suite_file_is_exactly_what_great_expectations_writes_and_says_why(source, part):
    """Were a value equal to a default, or an argument unknown, it would be missing from what comes back."""
    written = json.dumps(read_suite(SUITES / f"{source}-{part}.json").to_json_dict(), indent=2, ensure_ascii=False)
    assert written + "\n" == (SUITES / f"{source}-{part}.json").read_text(encoding="utf-8")
    assert all(e["notes"].strip() for e in stored(source, part)["expectations"])


@pytest.mark.parametrize("source", SOURCES)
def test_no_suite_has_a_check_that_cannot_be_computed(source):
    assert not [c for c in checks(source, *tables(source)) if "no column" in c.seen or "not be computed" in c.seen]


def stored(source, part):
    return json.loads((SUITES / f"{source}-{part}.json").read_text(encoding="utf-8"))


@pytest.fixture
def suites(tmp_path):
    return shutil.copytree(SUITES, tmp_path / "suites")


def change(suites, change_it, name="icd10-texts"):
    suite = json.loads((suites / f"{name}.json").read_text(encoding="utf-8"))
    change_it(suite)
    (suites / f"{name}.json").write_text(json.dumps(suite), encoding="utf-8")


WRONG = {
    "an unknown type": (lambda s: s["expectations"][3].update(type="expect_the_best"), "expect_the_best"),
    "no type": (lambda s: s["expectations"][3].pop("type"), "not a suite"),
    "a mistyped argument": (lambda s: s["expectations"][-1]["kwargs"].update(min_valeu=0), "min_valeu"),
    "no bounds": (lambda s: s["expectations"][-1].update(kwargs={"column": "vector_norm"}), "not a suite"),
    "no expectations": (lambda s: s.update(expectations=[]), "empty"),
    "expectations left out": (lambda s: s.pop("expectations"), "not a suite"),
    "a check without a name": (lambda s: s["expectations"][3]["meta"].clear(), "a name of its own"),
    "a name twice": (lambda s: s["expectations"][3]["meta"].update(name="id-unique"), "a name of its own"),
    "an unknown parameter": (lambda s: s["expectations"][0]["kwargs"].update(min_value={"$PARAMETER": "few"}), "few"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_suite_that_would_not_be_run_as_it_stands_is_refused_by_name(suites, wrong):
    change_it, said = WRONG[wrong]
    change(suites, change_it)
    with pytest.raises(Misconfigured, match=said) as refused:
        checks("icd10", *tables("icd10"), suites=suites)
    assert "icd10-texts.json" in str(refused.value)


def test_a_result_that_great_expectations_does_not_give_is_missed(monkeypatch):
    from great_expectations import ValidationDefinition

    validate = ValidationDefinition.run

    def forgetful(self, **asked):
        found = validate(self, **asked)
        found.results = [each for each in found.results if each.expectation_config.meta["name"] != "documents-kept"]
        return found

    monkeypatch.setattr(ValidationDefinition, "run", forgetful)
    with pytest.raises(Misconfigured, match="gave no result for documents-kept"):
        checks("icd10", *tables("icd10"))


def test_an_action_that_is_not_run_lets_nothing_through(monkeypatch):
    from great_expectations import Checkpoint

    monkeypatch.setattr(Checkpoint, "_run_actions", lambda *_, **__: None)
    with pytest.raises(Misconfigured, match=r"gave no result for .*icd10-documents\.json"):
        checks("icd10", *tables("icd10"))


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"name": "x"'])
def test_a_suite_that_is_missing_or_no_suite_is_refused_by_name(suites, text):
    (suites / "icd10-documents.json").unlink()
    if text is not None:
        (suites / "icd10-documents.json").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"icd10-documents\.json"):
        checks("icd10", *tables("icd10"), suites=suites)


def test_a_check_of_a_column_that_is_not_there_fails_and_says_so(suites):
    change(suites, lambda s: s["expectations"][-1]["kwargs"].update(column="vector_nrom"))
    found = checks("icd10", *tables("icd10"), suites=suites)
    assert [(c.name, c.seen) for c in found if not c.passed] == [("vector-norm", "there is no column vector_nrom")]


def test_a_check_that_cannot_be_computed_fails_and_says_so():
    documents, texts, vectors = tables("icd10")
    texts["start"] = texts["start"].astype(object)
    texts.loc[0, "start"] = "zero"
    seen = {c.name: c.seen for c in checks("icd10", documents, texts, vectors) if not c.passed}
    assert seen["span-starts-at-zero-or-after"] == "could not be computed of start"


@pytest.mark.parametrize(("source", "share"), [("icd10", 0.05), ("formulary", 0.1), ("guidelines", 0.2)])
def test_each_source_has_a_largest_loss(source, share):
    assert largest_loss(EXPECTATIONS, source) == share


NO_SHARES = [f"[icd10]\nlargest_loss = {value}" for value in ("1.0", "-0.1", "nan", "true", "'5'")]


@pytest.mark.parametrize("text", [None, "", "[icd10]", "icd10 = 1", "[icd10", *NO_SHARES])
def test_a_largest_loss_that_is_missing_or_no_share_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "thresholds.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"thresholds\.toml"):
        largest_loss(tmp_path, "icd10")


def test_great_expectations_is_not_imported_with_the_module_and_its_telemetry_is_off():
    ask = "print('great_expectations' in sys.modules, os.environ['GX_ANALYTICS_ENABLED'])"
    program = f"import os, sys, probatum.table_checks; {ask}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=EXPECTATIONS.parent)
    assert done.stdout.split() == ["False", "false"], done.stderr


def test_a_check_leaves_no_file_behind_and_writes_nothing_to_the_terminal(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    checks("formulary", *tables("formulary"))
    assert list(tmp_path.rglob("*")) == []
    assert capfd.readouterr() == ("", "")

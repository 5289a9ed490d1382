"""ICD-10-CM as CDC released it is read whole, and our comparison agrees with the publisher's own. Skipped without the files."""

import re
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import orjson
import pytest

from probatum.diff import diff_documents
from probatum.errors import Rejected
from probatum.records import SourceRelease
from sources.icd10 import Icd10

DATA = Path(__file__).parents[3] / "shared" / "data" / "icd10cm"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no publishers' files at {DATA}"),
]

FOOTER_COUNT = re.compile(r"^ +(\d+) (headers|codes|additions|deletions|revisions)\b(?!.*only|.*both)")


@pytest.fixture(scope="module")
def parsed():
    """name of a folder -> (the source that read it, its release, its documents); each is parsed once."""
    read = {}

    def parse(name):
        if name not in read:
            source = Icd10()
            found = source.find(str(DATA / name))
            files = {f.name: Path(f.location) for f in found.files}
            read[name] = source, found.release, list(source.parse(files, found.release))
        return read[name]

    return parse


@pytest.fixture(scope="module")
def release(parsed):
    """name of a folder -> (its release, {code: row})."""

    def read(name):
        _, about, documents = parsed(name)
        return about, {d.id: row(d) for d in documents}

    return read


def row(document):
    meta = orjson.dumps(document.meta).decode()
    return {"id": document.id, "hash": document.text, "title": document.title, "text": document.text, "meta": meta}


def billable(row):
    return orjson.loads(row["meta"])["billable"]


def addenda(folder, kind):
    """Lines of the "order" or "codes" addenda of a release, whatever its zip and member are called."""
    for path in sorted((DATA / folder).iterdir()):
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if f"{kind}-addenda" in name and name.endswith(".txt"):
                        return archive.read(name).decode("ascii").splitlines()
    raise AssertionError(f"no {kind} addenda in {folder}")


def footer(lines):
    """{"Headers": {"additions": 72, …}, "Codes": {…}} as the prose at the end of the addenda says."""
    counts, part = {}, ""
    for line in lines:
        if line.strip() in ("Headers", "Codes"):
            part = line.strip()
            counts[part] = {}
        elif part and (match := FOOTER_COUNT.match(line)):
            counts[part].setdefault(match[2], int(match[1]))  # the first "codes" are those of before
            counts[part][f"{match[2]} now"] = int(match[1])
    return counts


def listed(lines):
    """{"Add": {("C81.0A", True, title), …}, "Delete": {…}, "Revise to": {…}} from the lines of the order addenda."""
    found = {"Add": set(), "Delete": set(), "Revise from": set(), "Revise to": set()}
    for line in lines:
        if match := re.match(r"(Add|Delete|Revise from|Revise to): +([01]) (\w{3,7}) +.{60} (.+)", line):
            kind, flag, code, title = match.groups()
            found[kind].add((code if len(code) == 3 else f"{code[:3]}.{code[3:]}", flag == "1", title.strip()))
    return found


@pytest.mark.parametrize(
    ("folder", "in_force", "codes", "can_be_billed"),
    [
        ("cdc-2024", "2023-10-01", 97_296, 74_044),
        ("cdc-2025", "2024-10-01", 97_584, 74_260),
        ("cdc-2025-Update", "2025-04-01", 97_584, 74_260),
    ],
)
def test_an_order_file_is_read_whole(release, folder, in_force, codes, can_be_billed):
    about, rows = release(folder)
    assert about.valid_from.isoformat() == in_force
    assert len(rows) == codes
    assert sum(map(billable, rows.values())) == can_be_billed


def test_every_code_but_a_category_stands_below_another(release):
    _, rows = release("cdc-2025")
    parents = {code: orjson.loads(row["meta"])["parent"] for code, row in rows.items()}
    assert all((len(code) == 3) == (parent == "") for code, parent in parents.items())
    assert all(code.startswith(parent) and not billable(rows[parent]) for code, parent in parents.items() if parent)


def test_2024_to_2025_agrees_with_the_official_counts(release):
    official = footer(addenda("cdc-2025", "order"))
    (_, old), (_, new) = release("cdc-2024"), release("cdc-2025")
    found = diff_documents("icd10", old, new)
    totals = {k: official["Headers"][k] + official["Codes"][k] for k in ("additions", "deletions", "revisions")}
    assert found.official_counts() == {
        "added": totals["additions"],
        "deleted": totals["deletions"],
        "revised": totals["revisions"],
    }
    assert min(totals.values()) > 0


def test_headers_and_billable_codes_each_agree_flips_included(release):
    official = footer(addenda("cdc-2025", "order"))
    (_, old), (_, new) = release("cdc-2024"), release("cdc-2025")
    found = diff_documents("icd10", old, new)
    flips = found.flips("billable")
    assert flips
    gained, lost, revised = Counter(), Counter(), Counter()
    for code in [*(i for i, _ in found.added), *(change.id for change in flips)]:
        gained["Codes" if billable(new[code]) else "Headers"] += 1
    for code in [*(i for i, _ in found.removed), *(change.id for change in flips)]:
        lost["Codes" if billable(old[code]) else "Headers"] += 1
    for change in found.changed:
        if "title" in change.facts and "billable" not in change.facts:
            revised["Codes" if billable(new[change.id]) else "Headers"] += 1
    for part in ("Headers", "Codes"):
        assert gained[part] == official[part]["additions"]
        assert lost[part] == official[part]["deletions"]
        assert revised[part] == official[part]["revisions"]
        size = "headers" if part == "Headers" else "codes"
        assert sum(billable(r) == (part == "Codes") for r in old.values()) == official[part][size]
        assert sum(billable(r) == (part == "Codes") for r in new.values()) == official[part][f"{size} now"]


def test_every_line_of_the_addenda_is_a_change_we_found_and_no_other(release):
    lines = listed(addenda("cdc-2025", "order"))
    (_, old), (_, new) = release("cdc-2024"), release("cdc-2025")
    found = diff_documents("icd10", old, new)
    flipped = [change.id for change in found.flips("billable")]
    revised = [c.id for c in found.changed if "title" in c.facts and "billable" not in c.facts]

    def told(rows, codes):
        return {(code, billable(rows[code]), rows[code]["title"]) for code in codes}

    assert told(new, [*(i for i, _ in found.added), *flipped]) == lines["Add"]
    assert told(old, [*(i for i, _ in found.removed), *flipped]) == lines["Delete"]
    assert told(old, revised) == lines["Revise from"]
    assert told(new, revised) == lines["Revise to"]


def test_the_shorter_addenda_of_billable_codes_agree_too(release):
    official = footer(addenda("cdc-2025", "codes"))["Codes"]
    (_, old), (_, new) = release("cdc-2024"), release("cdc-2025")
    before = {code for code, row in old.items() if billable(row)}
    after = {code for code, row in new.items() if billable(row)}
    assert len(after - before) == official["additions"]
    assert len(before - after) == official["deletions"]
    assert sum(old[code]["title"] != new[code]["title"] for code in before & after) == official["revisions"]


def test_april_2025_changes_no_code(release):
    (_, old), (_, new) = release("cdc-2025"), release("cdc-2025-Update")
    assert diff_documents("icd10", old, new).is_empty()
    assert set(footer(addenda("cdc-2025-Update", "order"))["Codes"].values()) == {len_billable(new), 0}


def served(documents):
    """What the source is told of the release that served."""
    return {
        d.id: {"title": d.title, "billable": d.meta["billable"], "valid_from": d.valid_from, "file": d.file}
        for d in documents
    }


@pytest.mark.parametrize("pair", [("cdc-2024", "cdc-2025"), ("cdc-2025", "cdc-2025-Update")])
def test_the_publishers_addenda_agree_with_what_changed(parsed, pair):
    (_, _, old), (source, _, new) = map(parsed, pair)
    assert set(source.said["addenda"]) == {"order", "codes"}
    assert source.disagreements(served(old), new, source.said) == []
    codes_alone = {"addenda": {"codes": source.said["addenda"]["codes"]}}
    assert source.disagreements(served(old), new, codes_alone) == []


def test_one_code_broken_on_purpose_is_named(parsed):
    (_, _, old), (source, _, new) = parsed("cdc-2024"), parsed("cdc-2025")
    kept = next(d for d in new if d.meta["billable"] and any(o.id == d.id and o.title == d.title for o in old))
    told = source.disagreements(served(old), [d for d in new if d is not kept], source.said)
    assert told[0] == f"1 code is gone and not deleted by the addenda: {kept.id}."
    assert len(told) == 3 and all("billable codes" in counted for counted in told[1:])
    renamed = [replace(d, title="Something else") if d is kept else d for d in new]
    assert source.disagreements(served(old), renamed, source.said)[0] == (
        f"1 code is renamed and not revised by the addenda: {kept.id}."
    )


def test_addenda_that_lead_from_another_release_are_held_against_the_new_one_alone(parsed):
    (_, _, old), (source, _, new) = parsed("cdc-2024"), parsed("cdc-2025-Update")
    assert source.disagreements(served(old), new, source.said) == []
    assert source.disagreements(served(new), new, source.said) == []  # read again
    assert source.disagreements({}, new[1:], source.said)


def test_what_is_no_part_is_counted(parsed):
    source, _, _ = parsed("cdc-2025")
    with_pdf = sum(n.endswith(".pdf") for path in (DATA / "cdc-2025").glob("*.zip") for n in zipfile.ZipFile(path).namelist())  # fmt: skip
    assert source.dropped["files left aside: PDF"] == with_pdf > 0
    assert source.left_aside == {"files left aside: PDF": 1, "files left aside: spreadsheet": 1}


def test_two_releases_in_one_folder_are_refused(tmp_path):
    for folder in ("cdc-2025", "cdc-2024"):
        for path in (DATA / folder).glob("*escriptions*"):
            (tmp_path / path.name).symlink_to(path)
    files = {path.name: path for path in tmp_path.iterdir()}
    release = SourceRelease("icd10", "2024-10-01", date(2024, 10, 1), "test", "test")
    with pytest.raises(Rejected, match="and they differ"):
        list(Icd10().parse(files, release))


def test_a_release_under_the_name_of_another_year_is_refused(tmp_path):
    (path,) = (DATA / "cdc-2016-xml").iterdir()
    release = SourceRelease("icd10", "2017-10-01", date(2017, 10, 1), "test", "test")
    with pytest.raises(Rejected, match=r"is of 2016; the release is in force from 2017-10-01, which is in fiscal 2018"):
        list(Icd10().parse({"codes.zip": path}, release))


def len_billable(rows):
    return sum(map(billable, rows.values()))


def test_the_2016_tabular_and_index_are_read(release):
    about, rows = release("cdc-2016-xml")
    assert about.valid_from.isoformat() == "2015-10-01"
    parents = {code: orjson.loads(row["meta"])["parent"] for code, row in rows.items()}
    made = [c for c, up in parents.items() if len(c) == 8 and rows[c]["title"].startswith(f"{rows[up]['title']}, ")]
    assert len(rows) - len(made) == 43_028  # the rest is what 7th characters make of them
    assert rows["E11.9"]["title"] == "Type 2 diabetes mellitus without complications"
    assert billable(rows["S52.521A"])
    assert not billable(rows["S52.521"])
    assert parents["T36.0X1A"] == "T36.0X1"
    assert "Myalgia" in rows["M79.1"]["text"] and "muscle Pain" in rows["M79.1"]["text"]  # reached by a see

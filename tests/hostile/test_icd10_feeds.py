"""ICD-10-CM feeds that are broken, shrunken or something else never reach readers; somebody finds out why."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from databases import ready_home
from small_runs import (
    chosen,
    codes,
    loaded_once,
    order_file,
    order_line,
    refresh,
    served,
    write,
    write_expectations,
    zip_of,
)

from probatum.errors import Rejected
from probatum.quarantine import Quarantine
from probatum.release import Releases
from probatum.search import Searcher
from probatum.snapshots import Snapshots
from sources.icd10 import Icd10

ALL = codes()
LINES = order_file(ALL).decode().splitlines()
PAGE = b"<!DOCTYPE html>\n<html><head><title>503</title></head><body>The service is being maintained.</body></html>"
TABULAR = (
    b"<ICD10CM.tabular><chapter><desc>One</desc><section><desc>Some</desc>%s</section></chapter></ICD10CM.tabular>"
)


def as_file(lines):
    return "\r\n".join([*lines, ""]).encode()


def shifted(line):
    return line[:6] + " " + line[6:]


def swapped(line):
    """The long title where the short one belongs, and the other way round."""
    short = line[77:].replace("Inflammation of", "Infl")
    return f"{line[:16]}{line[77:]:<60} {short}"


def addenda(year):
    """What the order addenda of a fiscal year without changes say."""
    footer = "Codes\r\n  120 codes in icd10cm_order_{0}.txt\r\n  120 codes in icd10cm_order_{1}.txt\r\n  0 additions\r\n  0 deletions\r\n"
    return ("\r\n" + footer.format(year - 1, year)).encode()


def tabular(year):
    return (TABULAR % b"<diag><name>A00</name><desc>X</desc></diag>").replace(
        b"<chapter>", b"<version>%d</version><chapter>" % year, 1
    )


def pcs():
    listed = {"001": ("Central nervous system, bypass", False), "0016070": ("Bypass cerebral ventricle, open", True)}
    return order_file(listed)


FEEDS = {
    # name: (file name, bytes, what is said)
    "zero bytes": ("order.txt", b"", "order.txt is empty"),
    "zero bytes in a zip": ("zip", {"order.txt": b""}, "order.txt is empty"),
    "blank lines": ("order.txt", b"\r\n \r\n", "order.txt is empty"),
    "an empty zip": ("zip", {}, "No order file and no tabular list"),
    "a zip of pictures": ("zip", {"logo.png": b"\x89PNG"}, "No order file and no tabular list"),
    "half a zip": ("half", {"order.txt": order_file(ALL)}, "is not a whole zip archive"),
    "an error page": ("codes.zip", PAGE, "codes.zip is a web page, probably an error page"),
    "an error page in a zip": ("zip", {"order.txt": PAGE}, "order.txt is a web page, probably an error page"),
    "an XML error": ("order.txt", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "neither a tabular list nor an index"),
    "a header only": ("order.txt", b"ORDER CODE    H SHORT TITLE LONG TITLE\r\n", "No order file and no tabular list"),
    "an empty tabular list": ("tabular.xml", TABULAR % b"", "No order file and no tabular list"),
    "half a tabular list": ("tabular.xml", TABULAR[:70], "is not well-formed XML"),
    "code twice in the tabular list": ("tabular.xml", TABULAR % (b"<diag><name>A00</name><desc>X</desc></diag>" * 2), "has code A00 twice"),
    "a number as a code": ("tabular.xml", TABULAR % b"<diag><name>00.1</name><desc>X</desc></diag>", "names '00.1' as a code"),
    "columns shifted": ("order.txt", as_file(shifted(line) for line in LINES), "No order file and no tabular list"),
    "columns shifted half way": ("order.txt", as_file([*LINES[:75], *(shifted(line) for line in LINES[75:])]), "line 76, is not in the columns"),
    "columns in another order": ("order.txt", as_file(line[6:14] + line[:6] + line[14:] for line in LINES), "No order file and no tabular list"),
    "titles swapped": ("order.txt", as_file(map(swapped, LINES)), "the short and the long titles have changed places"),
    "flag and code swapped": ("order.txt", as_file(line[:6] + line[14] + line[13] + line[6:13] + line[15:] for line in LINES), "No order file and no tabular list"),
    "a line cut off": ("order.txt", as_file(LINES)[:-90], "is not in the columns of an order file"),
    "codes with two titles": ("order.txt", as_file([*LINES, order_line(151, "A001", "Something else", True)]), "code A00.1 is there twice"),
    "codes billable and not": ("order.txt", as_file([*LINES, order_line(151, "A001", ALL["A001"][0], False)]), "code A00.1 is there twice"),
    "every line twice": ("order.txt", as_file(line for line in LINES for _ in range(2)), "line 2: code A00 is there twice"),
    "two order files that differ": ("zip", {"a.txt": order_file(ALL), "b.txt": order_file(dict(list(ALL.items())[:140]))}, "are each the order file of a release, and they differ"),
    "two tabular lists that differ": ("zip", {"a.xml": tabular(2027), "b.xml": tabular(2027).replace(b">X<", b">Y<")}, "are each the tabular list of a release, and they differ"),
    "a tabular list of last year": ("zip", {"order.txt": order_file(ALL), "tabular.xml": tabular(2026)}, "tabular.xml is of 2026; the release is in force from 2026-10-01"),
    "an index of last year": ("zip", {"order.txt": order_file(ALL), "index.xml": b"<ICD10CM.index><version>2026</version></ICD10CM.index>"}, "index.xml is of 2026"),
    "addenda of last year": ("zip", {"order.txt": order_file(ALL), "changes.txt": addenda(2026)}, "changes.txt is of 2026"),
    "an order file named after last year": ("zip", {"icd10cm_order_2026.txt": order_file(ALL)}, "icd10cm_order_2026.txt is of 2026"),
    "procedure codes": ("order.txt", pcs(), "001 is no ICD-10-CM code"),
    "a list of procedure codes": ("order.txt", b"0016070 Bypass\r\n0016071 Bypass\r\n", "0016070 is no ICD-10-CM code"),
    "tables of procedure codes": ("tables.xml", b"<ICD10PCS.tabular><pcsTable/></ICD10PCS.tabular>", "neither a tabular list nor an index of diagnoses"),
    "bytes of no encoding": ("order.txt", order_file(ALL).replace(b"left", b"l\x81ft"), "is not text in utf-8 or cp1252"),
    "UTF-16": ("order.txt", order_file(ALL).decode().encode("utf-16"), "No order file and no tabular list"),
    "UTF-16 without a mark": ("order.txt", order_file(ALL).decode().encode("utf-16-le"), "holds binary data"),
    "a PDF": ("codes.zip", b"%PDF-1.7\n\x00\x01\x02", "holds binary data"),
    "a gzip": ("codes.zip", gzip.compress(order_file(ALL)), "binary data"),
    "a comma-separated list": ("order.txt", b"code,title\r\nA00,Inflammation\r\n", "No order file and no tabular list"),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_encoder(encoder):
    with loaded_once(encoder):
        yield


@pytest.fixture(scope="module")
def published_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("codes")
    settings = chosen(folder / "home", write_expectations(folder / "expectations"))
    refresh(settings, Icd10(), str(zip_of(folder / "2026-04-01" / "codes.zip", {"order.txt": order_file(ALL)})))
    return settings


@pytest.fixture
def serving(published_once, tmp_path):
    """The settings of a home in which 150 codes serve."""
    return chosen(shutil.copytree(published_once.home, tmp_path / "home"), published_once.expectations)


def feed(tmp_path, name, content) -> str:
    path = tmp_path / "2026-10-01" / ("codes.zip" if name in ("zip", "half") else name)
    path.parent.mkdir()
    if isinstance(content, dict):
        zip_of(path, content)
        if name == "half":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.write_bytes(content)
    return str(path)


def reason_of(home, quarantined) -> dict:
    return json.loads((home / "quarantine" / quarantined.id / "reason.json").read_text("utf-8"))


@pytest.mark.parametrize("what", list(FEEDS))
def test_a_broken_feed_is_quarantined_and_changes_nothing_served(what, serving, tmp_path):
    """P7: refused with the exit code of a refusal, kept with its bytes and the reason, and readers see no difference."""
    name, content, said = FEEDS[what]
    before = served(serving.home)
    with pytest.raises(Rejected) as refused:
        write(serving, Icd10(), feed(tmp_path, name, content))
    assert refused.value.exit_code == 20
    assert said in refused.value.happened
    (kept,) = Quarantine(serving.home).all()
    assert kept.id in refused.value.happened
    reason = reason_of(serving.home, kept)
    assert said in reason["reason"] and reason["next"] and reason["source"] == "icd10"
    (file,) = reason["files"]
    assert (
        Snapshots(serving.home).blob(file["sha256"]).read_bytes()
        == Path(tmp_path / "2026-10-01" / file["name"]).read_bytes()
    )
    assert served(serving.home) == before


def test_bytes_of_the_publishers_older_encoding_are_read_as_what_they_are(serving, tmp_path):
    """P7: é in the encoding the publisher used for years is é, not a refusal and not two wrong letters."""
    listed = ALL | {"A001": ("Ménière’s inflammation", True)}
    refresh(serving, Icd10(), feed(tmp_path, "order.txt", order_file(listed)))
    (hit, *_) = Searcher.open(serving.home).search("A00.1")
    assert (hit.document_id, hit.title) == ("A00.1", "Ménière’s inflammation")


def test_what_is_no_part_of_the_release_is_left_aside(serving, tmp_path):
    """P7: procedure codes, pictures, notes and a part given twice alike do not keep a sound release from readers."""
    members = {
        "Order.TXT": order_file(ALL),
        "again/order-2027.txt": order_file(ALL),
        "pcs/order.txt": pcs(),
        "pcs/tables.xml": b"<ICD10PCS.tabular/>",
        "readme.txt": b"The files of this release are public.\r\n",
        "guidelines.pdf": b"%PDF-1.7",
        "__MACOSX/._Order.TXT": b"\x00\x05\x16\x07",
        "changes.txt": addenda(2027),
    }
    assert write(serving, Icd10(), feed(tmp_path, "zip", members))
    assert Quarantine(serving.home).all() == []


def test_a_feed_that_lost_18_percent_of_its_codes_is_refused_in_these_words(serving, tmp_path):
    """P7: the message says how many there are and were, what still serves, and where to record that it is right."""
    release, before = Releases(serving.home).current(), served(serving.home)
    fewer = dict(list(ALL.items())[: round(len(ALL) * 0.82)])
    with pytest.raises(Rejected) as refused:
        write(serving, Icd10(), feed(tmp_path, "order.txt", order_file(fewer)))
    error = refused.value
    (kept,) = Quarantine(serving.home).all()
    snapshot = next((serving.home / "snapshots" / "icd10").glob(f"*{error.happened.split()[2][:8]}*")).stem
    assert error.happened == (
        f"icd10 snapshot {snapshot[:8]}… has 123 documents; of the 150 that serve 27 are gone (18%, 5% allowed). "
        f"It is in quarantine as {kept.id}."
    )
    assert error.safe == f"Nothing was published; release {release.id} still serves."
    assert error.next == (
        "If this is right, record it in expectations/known_differences/icd10.jsonl and run the same refresh again."
    )
    assert error.exit_code == 20
    assert reason_of(serving.home, kept)["reason"].startswith(f"icd10 snapshot {snapshot[:8]}… has 123 documents")
    assert served(serving.home) == before


def test_a_loss_of_five_percent_passes(serving, tmp_path):
    """P7: a publisher withdraws codes every year."""
    fewer = dict(list(ALL.items())[:143])
    assert write(serving, Icd10(), feed(tmp_path, "order.txt", order_file(fewer)))
    assert Quarantine(serving.home).all() == []


def test_the_same_broken_feed_twice_is_one_case_in_quarantine(serving, tmp_path):
    """P7: a schedule that finds the same page every day does not fill the quarantine."""
    origin = feed(tmp_path, "codes.zip", PAGE)
    for _ in range(2):
        with pytest.raises(Rejected):
            write(serving, Icd10(), origin)
    assert len(Quarantine(serving.home).all()) == 1


def test_the_first_feed_of_an_empty_home_is_refused_too(tmp_path, published_once):
    """P7: with nothing served before, nothing is served after."""
    settings = chosen(tmp_path / "home", published_once.expectations)
    with pytest.raises(Rejected):
        write(settings, Icd10(), feed(tmp_path, "codes.zip", PAGE))
    assert Releases(settings.home).current() is None
    assert len(Quarantine(settings.home).all()) == 1


@pytest.mark.slow
def test_the_command_line_ends_with_20_and_says_why(serving, tmp_path):
    """P7: through the command that people and schedulers run."""
    before = served(serving.home)
    fewer = dict(list(ALL.items())[: round(len(ALL) * 0.82)])
    origin = feed(tmp_path, "zip", {"order.txt": order_file(fewer)})
    ran = subprocess.run(
        [sys.executable, "-m", "probatum.cli", "refresh", "icd10", "--from", origin, "--json"],
        env=os.environ
        | {
            "PROBATUM_HOME": str(serving.home),
            "PROBATUM_EXPECTATIONS": str(serving.expectations),
            "PREFECT_HOME": str(ready_home(tmp_path / "prefect")),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 20, ran.stderr
    told = json.loads(ran.stdout)
    assert "(18%, 5% allowed)" in told["refused"]["icd10"]["reason"]
    assert told["published"] == [] and told["exit_code"] == 20
    assert len(Quarantine(serving.home).all()) == 1
    assert served(serving.home) == before

"""Does a release of codes that is not what its publisher's addenda say stop before anybody relies on it?"""

from datetime import date

import pytest
from small_runs import chosen, codes, loaded_once, order_file, refresh, served, write_expectations, zip_of

from probatum.errors import Rejected
from probatum.quarantine import DISAGREES, RELEASED, Quarantine
from probatum.release import Releases
from sources.icd10 import Icd10

NEW = {"A30": ("Inflammation of the nail", False), "A300": ("Inflammation of the nail, mild", True)}


@pytest.fixture
def home(tmp_path, encoder):
    with loaded_once(encoder):
        settings = chosen(tmp_path / "home", write_expectations(tmp_path / "expectations"))
        refresh(settings, Icd10(), feed(tmp_path / "2025", 2025, codes()))
        yield settings


def feed(folder, year: int, listed, addenda: str = ""):
    parts = {f"icd10cm-order-{year}.txt": order_file(listed)}
    if addenda:
        parts[f"icd10cm-order-addenda-{year}.txt"] = addenda.encode()
    return str(zip_of(folder / f"icd10cm-codes-{year}.zip", parts).parent)


def addenda(year: int, added: dict[str, tuple[str, bool]]) -> str:
    """What a publisher sends beside a release that only adds codes."""
    lines = [f"{'Add:':<12} {int(bill)} {code:<7} {title[:60]:<60} {title}" for code, (title, bill) in added.items()]
    for kind, billable in (("Headers", False), ("Codes", True)):
        then = sum(bill == billable for _, bill in codes().values())
        new = sum(bill == billable for _, bill in added.values())
        name = "icd10cm_order_{}.txt"
        what = kind.lower()
        lines += [
            "",
            kind,
            f"  {then} {what} in {name.format(year - 1)}",
            f"  {then + new} {what} in {name.format(year)}",
        ]
        lines += [f"      {new} additions", "      0 deletions", "      0 revisions"]
    return "\r\n".join([*lines, ""])


def test_a_release_that_is_what_its_addenda_say_is_published(home, tmp_path):
    manifest = refresh(home, Icd10(), feed(tmp_path / "2026", 2026, {**codes(), **NEW}, addenda(2026, NEW)))
    assert manifest.sources["icd10"].documents.rows == len(codes()) + 2
    assert manifest.in_force(date(2025, 10, 1))["icd10"].release == "2025-10-01"


def test_a_code_that_the_addenda_do_not_know_stops_the_release(home, tmp_path):
    """P7: the code is named, what serves still serves, and a person may let it through."""
    before, more = served(home.home), {**NEW, "A301": ("Inflammation of the nail, severe", True)}
    origin = feed(tmp_path / "2026", 2026, {**codes(), **more}, addenda(2026, NEW))
    with pytest.raises(Rejected, match=r"A30\.1") as refused:
        refresh(home, Icd10(), origin)
    (kept,) = Quarantine(home.home).all()
    assert kept.kind == DISAGREES and kept.id in refused.value.next and served(home.home) == before
    Quarantine(home.home).decide(kept.id, RELEASED, actor="coding lead", why="The publisher's erratum of March.")
    refresh(home, Icd10(), origin)
    assert "A30.1" in {row for row in _ids(home)}


def _ids(home) -> list[str]:
    from probatum.tables import open_table

    state = Releases(home.home).current().sources["icd10"]
    return open_table(home.home / "lance", state.documents.name, state.documents.version).read(["id"])["id"].to_pylist()

"""ICD-10-CM as CDC and CMS publish it: an order file, a tabular list in XML, an alphabetic index in XML.

Every part is optional but one of order file and tabular list; parts are known by their content (icd10_files), put
together (icd10_entries) and made into a document a code (icd10_documents), with the words of the alphabetic index
(icd10_index) and of our own lexicon beside the titles.

    E10.10 | Type 1 diabetes mellitus with ketoacidosis without coma | billable
"""

import importlib.resources
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from importlib import metadata
from pathlib import Path

from probatum.errors import Rejected
from probatum.records import Document, SourceRelease
from probatum.safeio import Limits
from sources import icd10_editions, lexicon
from sources.base import Found, Offered, Source
from sources.icd10_addenda import Addenda
from sources.icd10_documents import document_of
from sources.icd10_editions import fiscal_year
from sources.icd10_entries import assemble
from sources.icd10_files import READ, Parts, kind_of, read_parts
from sources.icd10_index import resolve
from sources.icd10_reconcile import reconcile, reconcile_after
from sources.locate import files_at, left_at, to_be_told, valid_from_name

_OFFERED = (".zip", *READ)


class Icd10(Source):
    """After `find`: left_aside, the files of the folder that are not fetched, counted by kind. After `parse`: dropped, what
    of the fetched files is in no document, and said, what the publisher says of the release: its addenda."""

    name = "icd10"
    title = "ICD-10-CM"
    licence = "US government work, public domain"
    cadence = timedelta(days=183)  # 1 October and 1 April
    limits = Limits()

    def find(self, origin: str | None) -> Found:
        if origin is None:
            self.left_aside = {}
            return _embedded()
        files = files_at(origin, suffixes=_OFFERED)
        self.left_aside = dict(Counter(map(kind_of, left_at(origin, suffixes=_OFFERED))))
        name, valid_from = valid_from_name([origin, *(file.name for file in files)], of_us_agency=True)
        return Found(SourceRelease(self.name, name, valid_from, self.licence, to_be_told(origin)), tuple(files))

    def parse(self, files: Mapping[str, Path], release: SourceRelease) -> Iterator[Document]:
        parts = read_parts(files, self.limits)
        icd10_editions.check(parts.claims, release)
        entries = assemble(parts.order, parts.tabular, parts.confirmed)
        synonyms, unresolved = resolve(parts.index, set(entries))
        self.dropped = _dropped(parts, unresolved)
        self.said = {"addenda": {kind: each.as_json() for kind, each in parts.addenda.items()}} if parts.addenda else {}
        lay = lexicon.by_code()
        for entry in entries.values():
            yield document_of(
                entry, entries, synonyms.get(entry.code, []), lay.get(entry.code, []), release, parts.sha256
            )

    def disagreements(self, before: Mapping[str, dict], after: Sequence[Document], said: Mapping) -> list[str]:
        """Where the publisher's addenda and what changed differ, in words with codes; [] without addenda.

        before: {code: {"title", "billable", "valid_from", "file"}} of the release that serves, {} for none; the last two may be
        missing. Addenda lead from one release to the next: where another served (one of another fiscal year, or this same
        one, read again), only what they say of the release after is held against them.
        """
        told = said.get("addenda", {})
        if not told or not after:
            return []
        addenda = Addenda.from_json(told.get("order") or told["codes"])
        now = {document.id: (document.title, bool(document.meta["billable"])) for document in after}
        some = next(iter(before.values()), {})
        if not before or not _leads_from(addenda, some.get("valid_from", ""), after[0].valid_from):
            return reconcile_after(now, addenda)
        was = {code: (row["title"], bool(row["billable"])) for code, row in before.items()}
        titles = not any(file.lower().endswith(".xml") for file in (some.get("file", ""), after[0].file))
        return reconcile(was, now, addenda, titles=titles)


def _leads_from(addenda: Addenda, served: str, now: str) -> bool:
    """Whether they can lead from the release that served since the day `served`, as far as is known, to another one."""
    years = icd10_editions.years_in(addenda.names[0])
    return served != now and not (years and served and fiscal_year(date.fromisoformat(served)) not in years)


def _dropped(parts: Parts, unresolved: int) -> dict[str, int]:
    """What of the files is in no document, by reason."""
    dropped = {"index terms whose code is not in the release": unresolved, **parts.left_aside}
    if parts.order and (unlisted := len(parts.tabular.keys() - parts.order.keys())):
        dropped["codes of the tabular list that the order file does not have"] = unlisted
    return dropped


def _embedded() -> Found:
    """The April 2026 tabular list and code list that the package simple-icd-10-cm carries, read as files."""
    folder = importlib.resources.files("simple_icd_10_cm") / "data"
    files = sorted((Path(str(f)) for f in folder.iterdir() if f.name.endswith((".xml", ".txt"))), key=lambda p: p.name)
    if not any(path.suffix == ".xml" for path in files):
        raise Rejected("The installed simple-icd-10-cm carries no tabular list.", next="Install the project again.")
    origin = f"package simple-icd-10-cm {metadata.version('simple-icd-10-cm')}"
    release = SourceRelease("icd10", "2026-04-01", date(2026, 4, 1), Icd10.licence, origin)
    return Found(release, tuple(Offered(path.name, str(path)) for path in files))

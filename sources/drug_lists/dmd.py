"""NHS dictionary of medicines and devices (dm+d): XML files, one a level, joined by SNOMED codes.

    VTM   90356005            Pilocarpine                                  the drug
    VMP   347208002           Pilocarpine hydrochloride 6% eye drops       the drug in a strength and form
    AMP   9394311000001104    … (Special Order)                            the product of a company

Every VTM and every VMP is one Listed under its own code. A VMP carries the brand names and suppliers of its AMPs, the
packs of its VMPPs, the GTINs of its AMPPs, and its ingredients, form, route and controlled-drug category in words. An
AMP without its VMP in the release stands for itself. What is marked invalid stays, and says so. Prices, reimbursement
and other fields that no reader of a formulary looks for are counted by name.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources.drug_lists.containers import Member
from sources.drug_lists.dmd_xml import Lookup, Record, count, records
from sources.drug_lists.model import Listed, Unused, distinct, spoken
from sources.drug_lists.names import parts

FORMAT = "nhs-dmd"
PART = "NHS dm+d"
_NAME = re.compile(r"f_[a-z]+\d?_\d(\d\d)(\d\d)(\d\d)\.(?:xml|zip)", re.I)  # f_vmp2_3010419.xml: 1 April 2019
_FLAGS = {"SUG_F": "sugar free", "GLU_F": "gluten free", "PRES_F": "preservative free", "CFC_F": "CFC free"}
_OPEN = {"", "none", "no controlled drug status", "valid as a prescribable product"}  # words that restrict nothing
_USED = {
    "VTM": {"VTMID", "NM", "ABBREVNM", "INVALID", "VTMIDPREV", "VTMIDDT"},
    "VMP": {
        *("VPID", "VPIDDT", "VPIDPREV", "VTMID", "NM", "ABBREVNM", "INVALID", "NMPREV", "PRES_STATCD", "NON_AVAILCD"),
        *("UDFS", "UDFS_UOMCD", "UNIT_DOSE_UOMCD", "NON_AVAILDT", *_FLAGS),
    },
    "VPI": {"VPID", "ISID", *(f"STRNT_{part}_{what}" for part in ("NMRTR", "DNMTR") for what in ("VAL", "UOMCD"))},
    "DFORM": {"VPID", "FORMCD"},
    "DROUTE": {"VPID", "ROUTECD"},
    "CONTROL_INFO": {"VPID", "CATCD"},
    "AMP": {"APID", "VPID", "NM", "ABBREVNM", "NM_PREV", "DESC", "SUPPCD", "AVAIL_RESTRICTCD", "INVALID"},
    "VMPP": {"VPPID", "VPID", "QTYVAL", "QTY_UOMCD", "INVALID"},
    "AMPP": {"APPID", "APID", "AMPPID", "LEGAL_CATCD"},
    "GTINDATA": {"GTIN"},
    "ING": {"ISID", "ISIDPREV", "NM"},
}


def of_names(names: Iterable[str]) -> tuple[str, date] | None:
    """(release name, day) that the names of dm+d's files say: the newest, as three of eight may be older."""
    days = [day for name in names if (match := _NAME.fullmatch(name)) and (day := _date(*map(int, match.groups())))]
    return (max(days).isoformat(), max(days)) if days else None


def read(members: Mapping[str, Sequence[Member]], limits: Limits, unused: Unused) -> list[Listed]:
    """members: {kind: files}. Raises Rejected for a record without code or name, and for broken XML."""
    release = _Release(members, limits, unused)
    moieties = {record["VTMID"]: record for record in release.of["VTM"]}
    products = {record["VPID"] for record in release.of["VMP"]}
    actual = release.by("AMP", "VPID")
    orphans = [amp for code, amps in actual.items() if code not in products for amp in amps]
    return [
        *map(release.moiety, release.of["VTM"]),
        *(release.product(record, moieties, actual.get(record["VPID"], ())) for record in release.of["VMP"]),
        *map(release.orphan, orphans),
    ]


class _Release:
    """All records by tag, and the words for their codes."""

    def __init__(self, members: Mapping[str, Sequence[Member]], limits: Limits, unused: Unused):
        self.words = Lookup(members.get("dmd-lookup", ()), limits, unused)
        self.of: dict[str, list[Record]] = defaultdict(list)
        self._classes: dict[str, Record] = {}
        for kind, files in members.items():
            for member in files if kind != "dmd-lookup" else ():
                for record in records(member, limits):
                    self._take(kind, record, unused)
        self._ingredients = {code: r["NM"] for r in self.of["ING"] for code in (r["ISIDPREV"], r["ISID"]) if code}
        self._parts = {tag: self.by(tag, "VPID") for tag in ("VPI", "DFORM", "DROUTE", "CONTROL_INFO", "VMPP")}
        self._packs = self.by("AMPP", "APID")
        self._gtins: dict[str, list[str]] = defaultdict(list)
        for record in self.of["GTINDATA"]:
            self._gtins[record.around.get("AMPPID", "")].append(record["GTIN"])
        self._unused = unused

    def _take(self, kind: str, record: Record, unused: Unused) -> None:
        """The files of classes and of history have elements of the same names, which are other records."""
        if kind == "dmd-bnf" and record["VPID"]:
            self._classes[record["VPID"]] = record
            count(record, {"VPID", "ATC", "BNF"}, f"bnf.{record.tag}", unused)
        elif kind in ("dmd-bnf", "dmd-history"):
            count(record, (), f"{kind.removeprefix('dmd-')}.{record.tag}", unused)
        else:
            self.of[record.tag].append(record)
            count(record, _USED.get(record.tag, ()), record.tag, unused)

    def by(self, tag: str, name: str) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = defaultdict(list)
        for record in self.of[tag]:
            found[record[name]].append(record)
        return found

    def moiety(self, record: Record) -> Listed:
        code, name = _named(record, "VTMID")
        return Listed(
            id=code,
            title=name,
            drug=name,
            part=PART,
            member=record.member,
            format=FORMAT,
            names=distinct((record["ABBREVNM"],)),
            codes={"snomed": (code,)},
            status=_status(record),
            details=_said(("Code before", spoken(record["VTMIDPREV"], _until(record["VTMIDDT"])))),
        )

    def product(self, record: Record, moieties: Mapping[str, Record], actual: Sequence[Record]) -> Listed:
        code, name = _named(record, "VPID")
        moiety = moieties.get(record["VTMID"])
        if record["VTMID"] and moiety is None and moieties:
            self._unused["VMP.VTMID of no VTM"] += 1
        beside = {tag: found.get(code, ()) for tag, found in self._parts.items()}
        apart = parts(name)
        controlled = [self.words("CONTROL_DRUG_CATEGORY", r["CATCD"]) for r in beside["CONTROL_INFO"]]
        prescribing = self.words("VIRTUAL_PRODUCT_PRES_STATUS", record["PRES_STATCD"])
        return Listed(
            id=code,
            title=name,
            drug=moiety["NM"] if moiety else apart.drug,
            part=PART,
            member=record.member,
            format=FORMAT,
            strength=apart.strength,
            route=", ".join(distinct(self.words("ROUTE", r["ROUTECD"]) for r in beside["DROUTE"])),
            names=distinct((record["ABBREVNM"], record["NMPREV"])),
            brands=_brands(actual, name),
            codes=self._codes(code, actual),
            above=record["VTMID"] if moiety else "",
            restriction="; ".join(distinct(w for w in (*controlled, prescribing) if w.casefold() not in _OPEN)),
            status=_status(record),
            details=_said(
                *(("Ingredient", self._ingredient(r)) for r in beside["VPI"]),
                ("Form", ", ".join(distinct(self.words("FORM", r["FORMCD"]) for r in beside["DFORM"]))),
                ("Unit dose", self._quantity(record["UDFS"], record["UDFS_UOMCD"])),
                ("Given in units of", self.words("UNIT_OF_MEASURE", record["UNIT_DOSE_UOMCD"])),
                ("Properties", ", ".join(words for flag, words in _FLAGS.items() if record[flag].strip("0"))),
                (
                    "Availability",
                    spoken(
                        self.words("VIRTUAL_PRODUCT_NON_AVAIL", record["NON_AVAILCD"]), _since(record["NON_AVAILDT"])
                    ),
                ),
                (
                    "Packs",
                    "; ".join(
                        distinct(
                            self._quantity(r["QTYVAL"], r["QTY_UOMCD"]) for r in beside["VMPP"] if not r["INVALID"]
                        )
                    ),
                ),
                ("Legal category", ", ".join(distinct(self._legal(actual)))),
                ("Products", "; ".join(distinct(self._product(amp) for amp in actual))),
                ("Code before", spoken(record["VPIDPREV"], _until(record["VPIDDT"]))),
            ),
        )

    def orphan(self, record: Record) -> Listed:
        code, name = _named(record, "APID")
        apart = parts(name)
        return Listed(
            id=code,
            title=name,
            drug=apart.drug,
            part=PART,
            member=record.member,
            format=FORMAT,
            strength=apart.strength,
            names=distinct((record["DESC"], record["ABBREVNM"], record["NM_PREV"])),
            codes=self._codes(code, (record,)),
            status=_status(record),
            details=_said(
                ("Availability", self.words("AVAILABILITY_RESTRICTION", record["AVAIL_RESTRICTCD"])),
                ("Supplier", self.words("SUPPLIER", record["SUPPCD"])),
                ("VMP", record["VPID"]),
            ),
        )

    def _codes(self, code: str, actual: Iterable[Record]) -> dict[str, tuple[str, ...]]:
        """The code itself, those of its products, and the bar codes of their packs."""
        amps = [record["APID"] for record in actual if record["APID"] != code]
        packs = [pack["APPID"] for amp in actual for pack in self._packs.get(amp["APID"], ())]
        found = {
            "snomed": (code,),
            "amp": distinct(amps),
            "gtin": distinct(g for p in packs for g in self._gtins.get(p, ())),
            **{
                name.lower(): distinct((self._classes[code][name],)) for name in ("ATC", "BNF") if code in self._classes
            },
        }
        return {system: codes for system, codes in found.items() if codes}

    def _ingredient(self, record: Record) -> str:
        name = self._ingredients.get(record["ISID"])
        if name is None:
            self._unused["codes without words: ingredient"] += 1
        numerator = self._quantity(record["STRNT_NMRTR_VAL"], record["STRNT_NMRTR_UOMCD"])
        denominator = self._quantity(record["STRNT_DNMTR_VAL"], record["STRNT_DNMTR_UOMCD"])
        return spoken(name or record["ISID"], " per ".join(filter(None, (numerator, denominator))))

    def _quantity(self, value: str, unit: str) -> str:
        return spoken(value, self.words("UNIT_OF_MEASURE", unit))

    def _legal(self, actual: Iterable[Record]) -> Iterable[str]:
        return (
            self.words("LEGAL_CATEGORY", pack["LEGAL_CATCD"])
            for amp in actual
            for pack in self._packs.get(amp["APID"], ())
        )

    def _product(self, amp: Record) -> str:
        """ "Adenocor 6mg/2ml … (Sanofi), Hospital Only" """
        said = amp["DESC"] or f"{amp['NM']} ({self.words('SUPPLIER', amp['SUPPCD'])})"
        restricted = self.words("AVAILABILITY_RESTRICTION", amp["AVAIL_RESTRICTCD"])
        invalid = "invalid" if amp["INVALID"].strip("0") else ""
        return ", ".join(filter(None, (said, restricted if restricted.casefold() not in _OPEN else "", invalid)))


def _named(record: Record, code: str) -> tuple[str, str]:
    if not record[code] or not record["NM"]:
        raise Rejected(f"{record.member.name} has a {record.tag} without {code} or NM.", next=ASK_AGAIN)
    return record[code], record["NM"]


def _brands(actual: Iterable[Record], name: str) -> tuple[str, ...]:
    names = (
        said for amp in actual if not amp["INVALID"].strip("0") for said in (amp["NM"], amp["NM_PREV"], amp["ABBREVNM"])
    )
    return tuple(said for said in distinct(names) if said.casefold() != name.casefold())


def _status(record: Record) -> str:
    return "invalid" if record["INVALID"].strip("0") else "current"


def _said(*details: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((label, value) for label, value in details if value)


def _since(day: str) -> str:
    return f"since {day}" if day else ""


def _until(day: str) -> str:
    return f"until {day}" if day else ""


def _date(day: int, month: int, year: int) -> date | None:
    try:
        return date(2000 + year, month, day)
    except ValueError:
        return None

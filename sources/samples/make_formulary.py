"""Write the two releases of the sample formulary (invented "Northfield General Hospital").

The content stands in formulary_table.txt beside this script; what release 2026-10 changes
stands below.  Run it with no argument: it writes formulary/2026-07.csv and
formulary/2026-10.xlsx, byte for byte the same on every run.
"""

import csv
import io
import re
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
from openpyxl.styles import Font

HERE = Path(__file__).resolve().parent
COLUMNS = [
    "item_id",
    "generic_name",
    "strength_form",
    "route",
    "brand_names",
    "drug_class",
    "tier",
    "restriction",
    "criteria",
    "rxcui",
    "effective_date",
    "notes",
]
OCTOBER = "2026-10-01"

# (generic name, words that open the strength): what to set.  An empty opening means the only item.
REMOVED = [
    ("insulin detemir", ""),
    ("ranolazine", ""),
    ("cefuroxime", ""),
    ("remimazolam", ""),
    ("andexanet alfa", ""),
    ("liposomal bupivacaine", ""),
    ("lanreotide", ""),
]
TIERS = [
    ("evolocumab", "", "3", "2"),
    ("semaglutide", "", "3", "2"),
    ("ticagrelor", "", "2", "1"),
    ("remdesivir", "", "2", "3"),
    ("dulaglutide", "", "2", "3"),
    ("ferric carboxymaltose", "", "3", "2"),
    ("sugammadex", "", "2", "1"),
    ("micafungin", "", "2", "1"),
    ("fluticasone-salmeterol", "", "NF", "3"),
    ("dapagliflozin", "", "NF", "2"),
]
OTHER = [
    ("dapagliflozin", "", {"notes": "Stop 3 days before surgery; empagliflozin stays first choice."}),
    (
        "fluticasone-salmeterol",
        "",
        {"notes": "For patients already stable on it; new starts use budesonide-formoterol."},
    ),
    (
        "meropenem",
        "",
        {
            "criteria": "The first 48 hours are open to ICU and emergency physicians for septic shock. "
            "Later doses need infectious diseases approval, with cultures sent and an ESBL history or result on record."
        },
    ),
    (
        "daptomycin",
        "",
        {
            "restriction": "pharmacist protocol",
            "criteria": "The stewardship pharmacist may release it for MRSA bacteraemia or vancomycin intolerance; "
            "infectious diseases reviews at 72 hours. It is not for pneumonia.",
        },
    ),
    (
        "acetaminophen",
        "1,000 mg/100 mL",
        {
            "restriction": "prior authorisation",
            "criteria": "The ward pharmacist approves it when no enteral or rectal route can be used; each approval lasts 24 hours.",
        },
    ),
    ("sacubitril-valsartan", "24 mg", {"restriction": "none", "criteria": ""}),
    ("sacubitril-valsartan", "49 mg", {"restriction": "none", "criteria": ""}),
    (
        "nirmatrelvir-ritonavir",
        "",
        {
            "restriction": "none",
            "criteria": "",
            "notes": "Within 5 days of symptoms; check interactions and kidney function.",
        },
    ),
    ("pregabalin", "", {"restriction": "none", "criteria": ""}),
    (
        "rifaximin",
        "",
        {
            "restriction": "prior authorisation",
            "criteria": "Hepatology approves it for hepatic encephalopathy that has returned on lactulose; "
            "the discharge supply waits for insurer or funding approval.",
        },
    ),
    (
        "tenecteplase",
        "25 mg",
        {
            "criteria": "The stroke team may order it up to 4.5 hours from onset, and up to 24 hours "
            "when perfusion imaging shows tissue to save and thrombectomy is not available."
        },
    ),
    (
        "dexmedetomidine",
        "",
        {
            "criteria": "ICU use only, for light sedation when extubation is expected or agitation blocks weaning; "
            "a second consultant agrees to any course beyond 72 hours."
        },
    ),
    ("albuterol", "90 micrograms", {"brand_names": "Ventolin HFA; Proventil"}),
    ("insulin glargine", "", {"brand_names": "Lantus; Basaglar; Semglee; Rezvoglar"}),
]


def read_table():
    """Return the items of release 2026-07 and those that 2026-10 adds."""
    july, added, drug, mark = [], [], None, ""
    for number, line in enumerate((HERE / "formulary_table.txt").read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] in "@+":
            mark, drug = line[0], [part.strip() for part in line[1:].split("|")]
            continue
        part = [piece.strip() for piece in line.split("|")]
        if len(part) != 8 or len(drug) != 4:
            raise ValueError(f"formulary_table.txt line {number}: {len(part)} fields")
        values = [
            part[0],
            drug[0],
            part[1],
            part[2],
            drug[1],
            drug[2],
            part[3],
            part[4],
            part[5],
            drug[3],
            part[6],
            part[7],
        ]
        (july if mark == "@" else added).append(dict(zip(COLUMNS, values, strict=True)))
    return july, added


def find(items, name, opening):
    hits = [item for item in items if item["generic_name"] == name and item["strength_form"].startswith(opening)]
    if len(hits) != 1:
        raise ValueError(f"{name} / {opening!r}: {len(hits)} items")
    return hits[0]


def october(july, added):
    items = [dict(item) for item in july]
    for name, opening in REMOVED:
        items.remove(find(items, name, opening))
    for name, opening, old, new in TIERS:
        item = find(items, name, opening)
        if item["tier"] != old:
            raise ValueError(f"{name}: tier is {item['tier']}, not {old}")
        item.update(tier=new, effective_date=OCTOBER)
    for name, opening, change in OTHER:
        item = find(items, name, opening)
        if all(item[key] == value for key, value in change.items()):
            raise ValueError(f"{name}: nothing changes")
        item.update(change, effective_date=OCTOBER)
    return items + [dict(item) for item in added]


def write_csv(items, path):
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(items)


def write_xlsx(items, path):
    book = openpyxl.Workbook()
    book.properties.creator = "Northfield General Hospital, pharmacy (sample)"
    book.properties.title = "Hospital formulary, release 2026-10"
    book.properties.created = datetime(2026, 10, 1)
    sheet = book.active
    sheet.title = "Formulary"
    sheet.append(COLUMNS)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for item in items:
        sheet.append([item[column] or None for column in COLUMNS])
        for cell in sheet[sheet.max_row]:
            cell.number_format = "@"
    for letter, width in zip("ABCDEFGHIJKL", (10, 28, 34, 18, 28, 28, 6, 20, 60, 10, 14, 50), strict=True):
        sheet.column_dimensions[letter].width = width
    draft = io.BytesIO()
    book.save(draft)
    # The writer stamps the moment of saving; put fixed dates in its place.
    with zipfile.ZipFile(draft) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2026-10-01T00:00:00Z", data)
            info = zipfile.ZipInfo(name, (2026, 10, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, data)


def main():
    july, added = read_table()
    ids = [item["item_id"] for item in july + added]
    if len(ids) != len(set(ids)):
        raise ValueError("an item_id occurs twice")
    folder = HERE / "formulary"
    folder.mkdir(exist_ok=True)
    write_csv(july, folder / "2026-07.csv")
    autumn = october(july, added)
    write_xlsx(autumn, folder / "2026-10.xlsx")
    print(f"2026-07: {len(july)} items; 2026-10: {len(autumn)} items")


if __name__ == "__main__":
    main()

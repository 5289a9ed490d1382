"""All codes of a release, put together from what its files say of them.

The order file decides which codes exist, what they are called and which are billable, where there is one; else the
tabular list does, with the codes its 7th characters make (placeholder X fills up) as far as a code list confirms them.

    assemble({"E11": ("Type 2 …", False), "E11.9": …}, {}, set())["E11.9"].parent -> "E11"
"""

from collections.abc import Mapping

from sources.icd10_codes import Entry, dotted

Order = Mapping[str, tuple[str, bool]]  # dotted code: (long title, billable)

_CHAPTERS = (  # first category of each chapter, for releases without a tabular list
    ("A00", "Certain infectious and parasitic diseases"),
    ("C00", "Neoplasms"),
    ("D50", "Diseases of the blood and immune mechanism"),
    ("E00", "Endocrine, nutritional and metabolic diseases"),
    ("F01", "Mental, behavioral and neurodevelopmental disorders"),
    ("G00", "Diseases of the nervous system"),
    ("H00", "Diseases of the eye and adnexa"),
    ("H60", "Diseases of the ear and mastoid process"),
    ("I00", "Diseases of the circulatory system"),
    ("J00", "Diseases of the respiratory system"),
    ("K00", "Diseases of the digestive system"),
    ("L00", "Diseases of the skin and subcutaneous tissue"),
    ("M00", "Diseases of the musculoskeletal system and connective tissue"),
    ("N00", "Diseases of the genitourinary system"),
    ("O00", "Pregnancy, childbirth and the puerperium"),
    ("P00", "Certain conditions originating in the perinatal period"),
    ("Q00", "Congenital malformations, deformations and chromosomal abnormalities"),
    ("R00", "Symptoms, signs and abnormal clinical and laboratory findings"),
    ("S00", "Injury, poisoning and certain other consequences of external causes"),
    ("U00", "Codes for special purposes"),
    ("V00", "External causes of morbidity"),
    ("Z00", "Factors influencing health status and contact with health services"),
)


def assemble(order: Order, tabular: Mapping[str, Entry], confirmed: set[str]) -> dict[str, Entry]:
    """All codes in code order, each with its parent. The order file decides which exist, where there is one."""
    tabular = _extended(tabular, set(order) or confirmed)
    entries = {code: _ordered(code, title, billable, tabular.get(code)) for code, (title, billable) in order.items()}
    entries = entries or dict(tabular)
    for entry in entries.values():
        entry.parent = _parent(entry.code, entries)
        above = entries.get(entry.parent)
        if not entry.stem and above and len(entry.code) == 8 and entry.title.startswith(above.title + ","):
            entry.stem = above.title
        entry.chapter = entry.chapter or (above.chapter if above else "") or _chapter(entry.code)
        entry.section = entry.section or (above.section if above else "")
    return entries


def _extended(tabular: Mapping[str, Entry], confirmed: set[str]) -> dict[str, Entry]:
    """With the codes a 7th character makes. With an order file or a code list, only those it confirms."""
    extended: dict[str, Entry] = {}
    for entry in tabular.values():
        extended[entry.code] = entry
        for char, meaning in entry.extensions.items():
            code = dotted(entry.code.replace(".", "").ljust(6, "X") + char)
            if not confirmed or code in confirmed:
                extended[code] = Entry(
                    code, f"{entry.title}, {meaning}", True, entry.code, entry.section, entry.chapter, stem=entry.title
                )
                entry.billable = False
    return extended


def _ordered(code: str, title: str, billable: bool, tabular: Entry | None) -> Entry:
    if tabular is None:
        return Entry(code, title, billable)
    tabular.title, tabular.billable = title, billable
    if not title.startswith(tabular.stem):
        tabular.stem = ""
    return tabular


def _parent(code: str, entries: Mapping[str, Entry]) -> str:
    """The longest shorter code that exists; placeholder X before a 7th character is skipped on the way."""
    bare = code.replace(".", "")[:-1]
    while len(bare) >= 3:
        if (above := dotted(bare)) in entries:
            return above
        bare = bare[:-1]
    return ""


def _chapter(code: str) -> str:
    return next((title for first, title in reversed(_CHAPTERS) if code[:3] >= first), "")

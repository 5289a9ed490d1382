"""What a file is, told by its content: a table, or one of the formats publishers release drug lists in.

    {"formulary_urls": […]}            -> "qhp-index"         <document xmlns="urn:hl7-org:v3">   -> "spl"
    [{"rxnorm_id": "209459", …}]       -> "qhp-drugs"         <VIRTUAL_MED_PRODUCTS>              -> "dmd-vmp"
    {"resourceType": "Bundle", …}      -> "fhir"              mp_code,mp_formal_name,…            -> "ccdd-mp"

Anything that is neither JSON nor XML is "table": the readers of CSV and XLSX refuse what they cannot read.
"""

import csv
import re

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits, looks_like_html, xml_events
from sources.drug_lists import strict_json
from sources.drug_lists.containers import Member

_HEAD_BYTES = 1 << 14
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\[{\]\"])")
_FIELD = re.compile(rb'"([$A-Za-z_]{2,40})"\s*:')
_XML = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<")
_LOOKED_AT = 20  # records of a list, of which one must show what the list is
_LONGEST_NAME = 40  # of a root element in a message
_JSON_FIELDS = (  # in this order: a list of providers names plans, and a list of drugs does
    (b"$schema", "schema"),  # describes a format and holds no drug
    (b"resourceType", "fhir"),
    (b"formulary_urls", "qhp-index"),
    (b"plan_urls", "qhp-index"),
    (b"npi", "qhp-providers"),
    (b"rxnorm_id", "qhp-drugs"),
    (b"drug_name", "qhp-drugs"),
    (b"plan_id", "qhp-plans"),
)
DMD = {
    "VIRTUAL_THERAPEUTIC_MOIETIES": "dmd-vtm",
    "VIRTUAL_MED_PRODUCTS": "dmd-vmp",
    "VIRTUAL_MED_PRODUCT_PACK": "dmd-vmpp",
    "ACTUAL_MEDICINAL_PRODUCTS": "dmd-amp",
    "ACTUAL_MEDICINAL_PROD_PACKS": "dmd-ampp",
    "INGREDIENT_SUBSTANCES": "dmd-ingredient",
    "LOOKUP": "dmd-lookup",
    "GTIN_DETAILS": "dmd-gtin",
    "BNF_DETAILS": "dmd-bnf",
    "HISTORY": "dmd-history",
}
CCDD = {  # columns that no other table has
    "ccdd-relation": {"mp_code", "ntp_code", "tm_code"},
    "ccdd-mp": {"mp_code", "mp_formal_name"},
    "ccdd-ntp": {"ntp_code", "ntp_formal_name"},
    "ccdd-tm": {"tm_code", "tm_formal_name"},
    "ccdd-device": {"device_ntp_code", "device_ntp_formal_name"},
    "ccdd-grouping": {"ccdd_code", "policy_type"},
    "ccdd-attribute": {"attribute_code", "attribute_value"},
}


def kind_of(member: Member, limits: Limits) -> str:
    """Raises Rejected for JSON or XML of no kind that is known."""
    with member.path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if looks_like_html(head):
        return "table"  # whose reader says that it is a web page
    if _JSON.match(head):
        return _json_kind(member, head)
    if _XML.match(head):
        return _xml_kind(member, limits)
    return _table_kind(head)


def _json_kind(member: Member, head: bytes) -> str:
    """By the names of fields near the start; the whole file is looked at only where those tell nothing."""
    if kind := _by_fields(set(_FIELD.findall(head))):
        return kind
    value = strict_json.load(member)
    records = value if isinstance(value, list) else [value]
    fields = {key.encode() for record in records[:_LOOKED_AT] if isinstance(record, dict) for key in record}
    if kind := _by_fields(fields):
        return kind
    raise Rejected(
        f"{member.name} is JSON, but neither a FHIR resource nor a list of plans or drugs as CMS describes them.",
        next=ASK_AGAIN,
    )


def _by_fields(fields: set[bytes]) -> str:
    return next((kind for field, kind in _JSON_FIELDS if field in fields), "")


def _xml_kind(member: Member, limits: Limits) -> str:
    with member.path.open("rb") as stream:
        _, root = next(iter(xml_events(stream, limits, what=member.name)))
    if root.tag == "{urn:hl7-org:v3}document":
        return "spl"
    name = root.tag.rpartition("}")[2]
    if name not in DMD:
        raise Rejected(
            f"{member.name} is XML of no known kind (its outermost element is {name[:_LONGEST_NAME]}).",
            next="Drug labels (SPL) and dm+d are read; send the list as CSV or XLSX otherwise.",
        )
    return DMD[name]


def _table_kind(head: bytes) -> str:
    first = head.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace("\r", "\n").lstrip().split("\n")[0]
    cells = {cell.strip().casefold() for cell in next(csv.reader([first]), [])}
    return next((kind for kind, columns in CCDD.items() if columns <= cells), "table")

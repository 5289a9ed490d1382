"""The labels by which forms and notes announce an identifier, and what a value of each kind looks like.

    labels_in("mrn: 00412345 …")              -> ("mrn", 0, 3)
    value_after("mrn", "MRN: 00412345 …", 3)  -> (5, 13)

All repetition is bounded, so that the time is linear in the text whatever the text. Labels are looked for in small
letters, values in the text as it is. A label without its value (an empty form, a sentence about MRNs) is nothing.
"""

import re
from collections.abc import Iterator

from probatum.phi.checks import digits, is_card, is_filler, is_luhn, is_ssn

NUMBER_OF = r"(?: ?(?:numbers?|nos?\.?|nr\.?|#|id|identifier))"
_SUBJECT = r"(?:patient(?:'?s'?)?|pt\.?(?:'s)?|client(?:'?s'?)?|inpatient(?:'s)?)"
_OWN = rf"(?:{_SUBJECT}|home|personal|next of kin(?:'s)?|nok)"

# in small letters; the first that matches at a place wins. A space also stands for two, or for the end of a line
_PATTERNS = {
    "own_phone": rf"{_OWN} (?:home |mobile |cell |contact )?(?:phone|tel|telephone|mobile|cell|cellphone|fax|contact)(?: (?:number|no\.?|#))?",
    "own_email": rf"{_OWN} e-?mail(?: address)?",
    "own_address": rf"{_OWN} (?:home |postal |mailing |street )?address|residential address|(?:lives|living|resides|residing) at|resident of",
    "mrn": rf"m\.?r\.?n\.?{NUMBER_OF}?|mr ?#|(?:medical|health|hospital|patient|clinical|unit) record{NUMBER_OF}"
    rf"|hosp(?:ital|\.)?{NUMBER_OF}|{_SUBJECT}{NUMBER_OF}|{_SUBJECT} identification(?: number)?|chart{NUMBER_OF}"
    rf"|u\.?r\.? ?(?:n|no|number)\.?|case ?notes?{NUMBER_OF}|nhi(?:{NUMBER_OF})?|chi{NUMBER_OF}|(?:h&c|hcn){NUMBER_OF}?",
    "nhs": rf"(?:nhs|national health service){NUMBER_OF}|nhs(?=[ \t]?[:=#|])",
    "ssn": rf"s\.?s\.?n\.?(?:{NUMBER_OF})?|social security(?:{NUMBER_OF})|social security(?=[ \t]?[:=#|])|ss ?#",
    "sin": rf"social insurance{NUMBER_OF}|sin(?:{NUMBER_OF})|sin(?=[ \t]?[:=#|])",
    "plan": r"(?:health (?:plan|card|insurance)|insurance|medicare|medicaid|member|membership|subscriber|beneficiary"
    rf"|policy ?holder|insurance policy|care ?card|medical card)(?: (?:beneficiary|claim))?{NUMBER_OF}"
    rf"|(?:personal|provincial) health{NUMBER_OF}|(?:phn|mbi|hicn|uli|ramq|ohip)(?:{NUMBER_OF})?",
    "account": rf"{_SUBJECT} account(?:{NUMBER_OF})?|billing account{NUMBER_OF}",
    "card": rf"(?:credit|debit|payment|bank) card(?:{NUMBER_OF})?|visa|mastercard|amex|card{NUMBER_OF}",
    "birth": r"d\.?o\.?b\.?|date(?: |-)of(?: |-)birth|birth(?: |-)?date|born(?: on)?(?: the)?",
    "name": rf"{_SUBJECT}(?: full| legal| last| first| family| given)? (?:name|surname)(?: ?\((?:last|first|print|surname)[a-z, ]{{0,20}}\))?"
    rf"|name of (?:the )?{_SUBJECT}|next of kin(?: name)?|surname|forenames?|(?:last|first|given|family) names?",
    "person": rf"{_SUBJECT}(?=[ \t]{{0,3}}[:=|])|(?:the )?patient(?: named| called|,)",
    "titled": r"(?:mr|mrs|ms|miss|mx)\.?(?= ?[^\W\d_])",
    "any_name": r"(?:full )?name(?=[ \t]{0,3}[:=|])",
}
_OPENINGS = (  # how a label can begin; looked at first, it makes the search three times as fast
    "pa|pt|pr|cl|in|he|ho|pe|ne|no|re|li|mr|m\\.r|me|un|h&|hc|ch|ur|u\\.r|ca|nh|na|ss|s\\.s|so|si|su|be|po|ph|mb|hi|ul|ra|oh"
    "|bi|cr|de|vi|ma|am|do|d\\.o|da|bo|fo|la|fi|gi|fa|fu|th|ba|ms|mi|mx"
)


def _over_lines(pattern: str) -> str:
    """The same pattern with its spaces (not those in a [class]) as wide as people write them."""
    wide = r"(?: {1,2}\n?|\n)"
    return re.sub(r"(?<!\[) (\??)(?!\]|\\t)", lambda space: wide + space[1], pattern)


_LABEL = re.compile(
    rf"[\W_](?={_OPENINGS})(?:"
    + "|".join(f"(?P<{name}>{_over_lines(words)})" for name, words in _PATTERNS.items())
    + r")(?![^\W_])"
)
_BETWEEN = re.compile(r"(?:[ \t]{0,4}(?:\n[ \t]{0,4}){0,2}(?:[:=#|.,(-]|\bis\b|\bof\b|\bno\b\.?|\bnumber\b){0,1}){0,3}")

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_YEAR = r"(?:19\d\d|20\d\d|\d\d)"
_DAY_MONTH = r"\d{1,2} ?[/.-] ?\d{1,2} ?[/.-] ?"
DATE = re.compile(
    rf"(?:{_DAY_MONTH}{_YEAR}|(?:19|20)\d\d ?[/.-] ?\d{{1,2}} ?[/.-] ?\d{{1,2}}|(?:19|20)\d\d[01]\d[0-3]\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?[ \n/.-]{{1,2}}{_MONTH}[ \n,/.-]{{1,3}}{_YEAR}|{_MONTH}[ \n]\d{{1,2}}(?:st|nd|rd|th)?,?[ \n]{_YEAR})(?!\d)",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"[A-Za-z]{0,4}[ /-]?\d{1,16}(?:[ /.-]{1,2}\n?\d{1,8}){0,5}[A-Za-z]{0,2}(?![^\W_])")
_DIGITS = re.compile(r"\d(?:[ .-]{0,2}\n?\d){7,18}(?!\d)")
_CODE = re.compile(r"(?=[A-Za-z0-9-]{0,12}\d)[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){4,16}(?![^\W_])")
_A_YEAR = re.compile(r"(?:19|20)\d\d")
_LONGEST_GAP = 40  # characters between a label and its value: brackets and line feeds, no words


def labels_in(low: str) -> Iterator[tuple[str, int, int]]:
    """(name, start, end) of every label of a text in small letters, in order."""
    for match in _LABEL.finditer("\n" + low):  # a line feed before, so that a label always has something before it
        yield match.lastgroup, match.start(), match.end() - 1


def label_of(low: str) -> str:
    """The name of the label that these words are, whole; "" for none. "mrn" -> "mrn"; "drug name" -> ""."""
    match = _LABEL.fullmatch(f"\n{low}")
    return match.lastgroup if match else ""


def value_after(name: str, text: str, end: int) -> tuple[int, int] | None:
    """Where the value of a label that ends at `end` stands, if one does. Names and contacts have modules of their own."""
    start = _BETWEEN.match(text, end, end + _LONGEST_GAP).end()
    return value_at(name, text, start, marked=bool(text[end:start].strip()))


def value_at(name: str, text: str, start: int, *, marked: bool) -> tuple[int, int] | None:
    """The span of a value of this kind that begins at `start`. marked: a colon or a column said that it would."""
    if name == "birth":
        return _span(DATE.match(text, start))
    if name in ("mrn", "account"):
        found = _GROUPED.match(text, start)
        return _span(found) if found and _is_record_number(found[0], marked) else None
    if name == "plan":
        found = _GROUPED.match(text, start) or _CODE.match(text, start)
        number = digits(found[0]) if found else ""
        return _span(found) if len(number) >= 5 and not is_filler(number) else None
    found = _DIGITS.match(text, start)
    return _span(found) if found and _CHECKED[name](found[0]) else None


def _is_record_number(value: str, marked: bool) -> bool:
    """At least five digits, or four after a colon; no date, no year, no row of one digit."""
    number = digits(value)
    if is_filler(number) or DATE.fullmatch(value) or _A_YEAR.fullmatch(value):
        return False
    return len(number) >= (4 if marked else 5)


def _is_labelled_nhs(value: str) -> bool:
    """Told to be one: a slip of the pen in its last digit lets nobody in."""
    return len(digits(value)) == 10 and not is_filler(value)


def _is_labelled_ssn(value: str) -> bool:
    return is_ssn(value)


def _is_sin(value: str) -> bool:
    return len(digits(value)) == 9 and is_luhn(value)


def _span(match: re.Match | None) -> tuple[int, int] | None:
    return match.span() if match else None


_CHECKED = {"nhs": _is_labelled_nhs, "ssn": _is_labelled_ssn, "sin": _is_sin, "card": is_card}

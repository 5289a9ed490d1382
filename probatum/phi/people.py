"""Names of people, where a label or the way notes are written says that a person is named.

    name_after("name", "Patient name: O'Brien, Mary Ann  DOB …", 12, names)   -> (14, 31)
    name_after("person", "Patient: Parkinson", 7, names)                      -> None, an eponym
    name_after("titled", "Mrs Okafor is a 71-year-old …", 3, names)           -> (4, 10)

A name with no label near it is not seen: no list of all names exists, and guessing would refuse every author.
"""

import re

from probatum.phi.names import ClinicalNames

_GAP = re.compile(r"[ \t]{0,4}(?:[:=|,#-][ \t]{0,4})?(?:\n{1,2}[ \t]{0,4})?")
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f]|['.-](?=[^\W\d_])){0,30}\.?")
_NAME_SHAPED = re.compile(  # Okafor, OKAFOR, McDonald, Anne-Marie, O'Brien; not ACEIs, pH, mRNA
    r"(?:[^\W\d_a-z](?:[^\W\d_A-Z]|[\u0300-\u036f])*|[^\W\d_a-z]+|(?:Mc|Mac|De|Di|Du|La|Le|Van|Fitz|O)[A-Z][^\W\d_A-Z]+)(?:['-][^\W\d_a-z]?[^\W\d_]*)*"
)
_MYSELF = re.compile(r"I(?:'(?:m|ve|d|ll)\b|$)")
_JOIN = re.compile(r"(?:, ?|[ \t]{1,2}|\n(?=[^\W\d_]))")
_ENDS = re.compile(r"[ \t]{0,8}(?:\n|[,;|(]|$)")
_LONGEST_NAME_WORDS = 6


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PARTICLES = _words("van von der den de da di du la le el al bin ibn abu ap ter ten dos das del della st o")
_TITLES = _words("mr mrs ms miss mx dr prof sir dame rev master")
_FORM_WORDS = _words(  # what stands beside a label in a form that is empty, or in a sentence about forms
    "patient patients pt client name names surname forename first last given family middle full preferred legal maiden "
    "print printed signature sign signed date time birth dob age sex gender address street city state province postcode "
    "zip phone telephone tel fax email mobile mrn number no id nhs ssn ward bed room unit hospital clinic department dept "
    "site facility label sticker addressograph here affix identifier identifiers identification allergies allergy weight "
    "height diagnosis consultant physician doctor nurse prescriber provider gp pharmacist clinician caregiver carer "
    "guardian parent relationship relation contact kin insurance plan record chart none unknown na nil tbc tbd example "
    "sample test yes adult adults child children male female man woman elderly infant neonate older younger pregnant self "
    "the a an of to in on is are was were be must should and or not if when for with by this that has have who it its as "
    "at from education information safety care group population history outcome outcomes values preferences factors "
    "characteristics instructions type status all any each every other see use enter write check confirm"
)
_SMALL_WORDS = _words(
    "may will can could would do does did been being so than then there their they we you your his her"
)
_NOTE_AFTER = re.compile(
    r"[^\n]{0,40}?(?:\b\d{1,3}[ -]?(?:year|yr|month|week|day)s?[ -]old|\by/?o\b|\bpresent(?:s|ed|ing) (?:with|to|for|today|in|again)"
    r"|\b(?:was|is|were|been) (?:admitted|discharged|seen|referred|transferred|brought|a pleasant|a very pleasant|here (?:for|today)|being seen|doing well|followed)"
    r"|\b(?:complains?|complained|complaining) of|\bden(?:ies|ied) (?!any conflict|having conflict)|\bunderwent|\breturn(?:s|ed) (?:to|for|today)"
    r"|\bcomes? in\b|\bcame in\b|\bhas a (?:past |known |long |medical |family )|\bpast medical history|\btolerated|\bfollow(?:s|ed)?[ -]up (?:on|for|visit|with)|\bis accompanied)",
    re.IGNORECASE,
)
_NOTE_BEFORE = re.compile(
    r"(?:\bre ?:|\bdear|\bi saw|\bi reviewed|\bi met|\bregarding|\bpatient(?: is|:|,)?|\bseeing|\bpleasure of)[ \t]{0,3}$",
    re.I,
)
_NEAR = 120  # characters after a name that are looked at for the words of a note


def name_after(label: str, text: str, end: int, names: ClinicalNames, start: int = 0) -> tuple[int, int] | None:
    """The span of the name that a label ending at `end` announces. start: of the label."""
    gap = _GAP.match(text, end)
    marked = text[end : gap.end()].strip(" \t\n") in (":", "=", "#") and "\n" not in gap[0]
    if label == "titled":
        read = _read(text, end + (text[end : end + 1] == " "))
        return read.span if read.known(names) and _in_a_note(text, start, read.end) else None
    announced = text[end : gap.end()].strip() or text[start:end].lower().endswith((",", "named", "called"))
    if label == "person" and not announced:
        return None
    read = _read(text, gap.end())
    if label == "in_a_sentence":
        return read.span if _first_and_last(read, names) else None
    if label == "name":
        if read.words:
            return read.span if _follows_a_name_label(read, text, names, marked) else None
        return _small_letters(text, gap.end(), names) if marked else None
    if not (read.titled or len(read.words) > 1 or (read.words and read.initials)) or not read.known(names):
        return None
    if label == "person" and text[end - 1] == ",":
        return read.span if re.compile(r",| \(").match(text, read.end) else None
    return read.span


def looks_like_a_name(cell: str, names: ClinicalNames) -> bool:
    """Is this whole cell of a table a name, first and last?"""
    read = _read(cell, 0)
    return read.end == len(cell.rstrip()) and len(read.words) + read.initials > 1 and read.known(names)


class _Read:
    """Capitalised words in a row. words: without titles, particles and initials."""

    def __init__(self, start: int):
        self.start, self.end = start, start
        self.words: list[str] = []
        self.titled, self.initials = False, 0

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end

    def known(self, names: ClinicalNames) -> bool:
        """A person, as far as the clinical names tell."""
        return bool(self.words) and not names.are_nobody(self.words)


def _read(text: str, at: int) -> _Read:
    read = _Read(at)
    for _ in range(_LONGEST_NAME_WORDS):
        word = _WORD.match(text, at)
        if not word:
            break
        plain = word[0].rstrip(".").lower()
        if plain in _TITLES and not read.words:
            read.titled = True
        elif plain in _FORM_WORDS and plain not in _PARTICLES:
            break
        elif plain in _PARTICLES and (read.words or word[0][0].isupper()):
            pass
        elif not _NAME_SHAPED.fullmatch(word[0].replace(".", "")):
            break
        elif _MYSELF.match(word[0]):
            break  # "Patient: Yeah, I smoke": somebody speaks
        elif len(plain) == 1:
            read.initials += 1
        else:
            read.words.append(word[0].rstrip("."))
        read.end = word.end()
        if word[0].endswith(".") and len(plain) > 1 and plain not in _TITLES | _PARTICLES:
            read.end -= 1  # the end of a sentence
            break
        join = _JOIN.match(text, word.end())
        if not join:
            break
        at = join.end()
    return read


def _first_and_last(read: _Read, names: ClinicalNames) -> bool:
    """Amid a sentence ("… in the same patient: ACEIs or ARBs") only what can hardly be anything else than two names."""
    plain = [word for word in read.words if not word.isupper() and not names.are_ordinary([word])]
    return (len(plain) > 1 or (bool(plain) and read.titled)) and len(plain) == len(read.words) and read.known(names)


def _follows_a_name_label(read: _Read, text: str, names: ClinicalNames, marked: bool) -> bool:
    """After "Patient name:" one word is enough, and ordinary words (Mark Young) are a name where they stand alone.

    In the next cell or line one word is the next heading as likely as a name: there it takes two.
    """
    if read.known(names) and (marked or read.titled or len(read.words) + read.initials > 1):
        return True
    return marked and 1 < len(read.words) < 4 and names.are_ordinary(read.words) and bool(_ENDS.match(text, read.end))


def _small_letters(text: str, start: int, names: ClinicalNames) -> tuple[int, int] | None:
    """ "patient name: jane okafor": two or three words no title has, up to the end of the line."""
    if not names.ordinary:
        return None
    at, words = start, []
    while len(words) < 4 and (word := _WORD.match(text, at)):
        words.append(word[0])
        at = word.end() + (text[word.end() : word.end() + 1] == " ")
    end = start + len(" ".join(words))
    strange = not any(word in _FORM_WORDS | _SMALL_WORDS or names.are_nobody([word]) for word in words)
    return (start, end) if 1 < len(words) < 4 and strange and _ENDS.match(text, end) else None


def _in_a_note(text: str, start: int, end: int) -> bool:
    return bool(_NOTE_AFTER.match(text, end, end + _NEAR) or _NOTE_BEFORE.search(text, max(0, start - 30), start))

"""Enough: whether the nearest that a source has on a question is near enough to be an answer at all.

    is_enough("all-MiniLM-L6-v2", 0.31, of_sections=False)  ->  False     "what time does the canteen close": 0.31 is the nearest
    is_enough("another-encoder", 0.31, of_sections=False)   ->  True      not calibrated: nothing is said

Search always finds something; the best cosine of a question with all texts of a source says whether that is about the
question at all. A floor is of one encoder, and of one kind of source: names of codes and drugs lie nearer to a question than
sentences do. It was set on the tuning questions of bench/dev and on unanswerable ones beside them (`python -m bench.enough`), so
low that fewer than one answerable question in a hundred falls below it. So it tells what is about something else entirely; a
drug that is not listed beside hundreds that are, it mostly does not. What share of the words is found told no more. Where an encoder wears an
adapter for questions, the question is read by the base for this alone.
"""

from probatum.encoder_identity import EMBEDDED_NAME

_OF_RECORDS, _OF_SECTIONS = {EMBEDDED_NAME: 0.49}, {EMBEDDED_NAME: 0.30}  # cosine


def is_enough(encoder: str, nearest: float, *, of_sections: bool) -> bool:
    """nearest: the best cosine of the question with any text of the source."""
    floors = _OF_SECTIONS if of_sections else _OF_RECORDS
    return encoder not in floors or nearest >= floors[encoder]


def calibrated(encoder: str) -> bool:
    """Whether floors are known for this encoder."""
    return encoder in _OF_RECORDS

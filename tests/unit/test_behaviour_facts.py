"""Are the codes a note may use those of the release that serves, and of no other?"""

from dataclasses import replace

import pytest
from small_home import drugs, report_of, write

from probatum.behaviours.facts import facts_of
from probatum.candidates import candidate_of
from probatum.errors import Rejected
from probatum.publish import Publisher


@pytest.fixture
def codes(small_home, encoder):
    """Publishes these codes as the release of icd10: {"M54.5": True, …}, whether each is billable."""

    def publish(billable: dict[str, bool]):
        models = drugs()[: len(billable)]
        documents = [
            replace(model, id=code, family=code, source="icd10", meta={"billable": yes})
            for model, (code, yes) in zip(models, billable.items(), strict=True)
        ]
        state = write(small_home, encoder, "icd10", documents)
        candidate = candidate_of(None, encoder.identity, {"icd10": state})
        return Publisher(small_home).publish(candidate, report_of(candidate), actor="test")

    return publish


def test_billable_codes_of_the_release_are_valid_and_headings_are_not(codes, small_home):
    codes({"M54": False, "M54.5": False, "M54.50": True, "I10": True})
    assert facts_of(small_home).codes == {"M54.50", "I10"}


def test_without_codes_nothing_is_called_invalid(published):
    """A release of other sources, or none, says so instead of failing every note."""
    with pytest.raises(Rejected, match="no code can be called valid"):
        facts_of(published.home)


def test_a_home_without_a_release_says_so(small_home):
    with pytest.raises(Rejected, match="refresh icd10"):
        facts_of(small_home)

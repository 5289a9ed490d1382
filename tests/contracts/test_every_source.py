"""Does every source keep the contract that the steps after it rely on?"""

import pytest
from expecting import few_drugs, few_guidelines
from small_runs import codes, order_file, zip_of
from source_contract import SourceContract

from sources.formulary import Formulary
from sources.guidelines import Guidelines
from sources.icd10 import Icd10
from sources.registry import SOURCES


class TestIcd10(SourceContract):
    source = Icd10()

    @pytest.fixture
    def release(self, tmp_path):
        return zip_of(tmp_path / "release" / "codes-October-2026.zip", {"order.txt": order_file(codes())}).parent


class TestFormulary(SourceContract):
    source = Formulary()

    @pytest.fixture
    def release(self, tmp_path):
        return few_drugs(tmp_path / "release")


class TestGuidelines(SourceContract):
    source = Guidelines()

    @pytest.fixture
    def release(self, tmp_path):
        return few_guidelines(tmp_path, "2026-07")


def test_no_source_is_left_out():
    """Whoever adds a source to the registry adds it here."""
    kept = {kind.source.name for kind in SourceContract.__subclasses__() if kind.__module__ == __name__}
    assert kept == set(SOURCES)

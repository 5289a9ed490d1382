"""What every source promises, as tests: a class inherits `SourceContract` and says where a small release of it is.

    class TestFormulary(SourceContract):
        source = Formulary()

        @pytest.fixture
        def release(self, tmp_path):            # a folder or a file, as its publisher would send it
            return few_drugs(tmp_path / "release")

Nothing here knows a source: what is asked is what the steps after reading rely on.
"""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from probatum import digests
from probatum.breaker import check_loss
from probatum.errors import ProbatumError, Rejected
from probatum.records import Document, SourceRelease
from probatum.release import EncoderState, Manifest, SourceState, TableVersion
from probatum.safeio import Limits
from probatum.thresholds import largest_loss, lateness
from sources.base import Source

ROOT = Path(__file__).parents[2]
ERROR_PAGE = b"<!doctype html><html><head><title>503</title></head><body><h1>Service unavailable</h1></body></html>"
_IN_ANOTHER_PROCESS = """
import importlib, json, sys
from pathlib import Path
from probatum import digests
module, name, origin = sys.argv[1:]
source = getattr(importlib.import_module(module), name)()
found = source.find(origin)
files = {f.name: Path(f.location) for f in reversed(found.files)}
print(digests.of_json(json.loads(json.dumps([d.__dict__ | {"blocks": [b.__dict__ for b in d.blocks]} for d in source.parse(files, found.release)], default=list))))
"""


class SourceContract:
    """Inherit, set `source`, and give the fixture `release`."""

    source: Source
    expectations = ROOT / "expectations"

    @pytest.fixture
    def release(self, tmp_path) -> Path:
        raise NotImplementedError("say where a small release of the source is")

    @pytest.fixture
    def found(self, release):
        return self.source.find(str(release))

    @pytest.fixture
    def documents(self, found) -> list[Document]:
        return self.read({f.name: Path(f.location) for f in found.files}, found.release)

    def read(self, files: dict[str, Path], release: SourceRelease) -> list[Document]:
        return list(self.source.parse(files, release))

    # what it is

    def test_it_says_what_it_is(self):
        assert self.source.name.isidentifier() and self.source.name == self.source.name.lower()
        assert self.source.title and self.source.licence
        assert timedelta(hours=1) <= self.source.cadence <= timedelta(days=400)
        assert isinstance(self.source.limits, Limits)

    def test_it_has_limits_on_loss_and_lateness_and_suites_of_its_own(self):
        """P7: a source without a mass-delete breaker is not one."""
        assert 0 <= largest_loss(self.expectations, self.source.name) < 0.5
        assert lateness(self.expectations, self.source.name).look_late_after_days >= 0
        for table in ("documents", "texts"):
            assert (self.expectations / "suites" / f"{self.source.name}-{table}.json").is_file()

    def test_its_parser_has_a_fingerprint_that_stays(self):
        assert self.source.parser_fingerprint() == type(self.source)().parser_fingerprint() != ""

    # what it finds

    def test_it_finds_a_named_release_and_its_files(self, found, release):
        assert found.release.source == self.source.name
        assert found.release.name and found.release.licence and found.release.origin
        assert found.files and len({f.name for f in found.files}) == len(found.files)
        assert all(Path(f.location).is_file() for f in found.files)

    def test_it_finds_the_same_release_again(self, found, release):
        assert self.source.find(str(release)) == found

    def test_what_is_not_there_is_refused_with_advice(self, tmp_path):
        """P51: a wrong path is a sentence, not a stack."""
        with pytest.raises(ProbatumError) as refused:
            self.source.find(str(tmp_path / "nowhere"))
        assert refused.value.next

    # what it reads

    def test_documents_have_ids_of_their_own(self, documents):
        """P16: two documents of one id would overwrite each other."""
        assert documents
        twice = [identity for identity, count in Counter(d.id for d in documents).items() if count > 1]
        assert twice == []

    def test_documents_are_whole(self, documents, found):
        files = {f.name: digests.of_file(Path(f.location)) for f in found.files}
        for document in documents:
            assert document.source == self.source.name
            assert document.id.strip() == document.id != "" and document.title.strip() and document.family
            assert document.text.strip() and "\x00" not in document.text
            assert document.layout in ("record", "sections")
            assert files[next(name for name in files if document.file == name or document.file.startswith(f"{name}/"))]
            assert len(document.sha256) == 64

    def test_blocks_are_spans_of_the_text_and_sections_come_in_order(self, documents):
        """P9, P10: what is cited stands where it is said to stand."""
        for document in documents:
            starts = [block.start for block in document.blocks]
            assert all(0 <= b.start < b.end <= len(document.text) for b in document.blocks), document.id
            assert document.layout == "record" or starts == sorted(starts), document.id
            assert any(b.kind in ("title", "heading", "paragraph", "table-row", "list") for b in document.blocks)

    def test_days_are_iso_and_facts_are_json(self, documents):
        for document in documents:
            assert len(document.valid_from) == 10 and document.valid_from[4] == document.valid_from[7] == "-"
            orjson.dumps(document.meta)

    def test_what_was_left_aside_is_counted(self, documents):
        """Nothing a publisher says is dropped without a number."""
        assert all(isinstance(what, str) and isinstance(n, int) and n >= 0 for what, n in self.source.dropped.items())
        orjson.dumps(dict(self.source.said))

    def test_the_order_of_the_files_does_not_matter(self, documents, found):
        """P12: a folder has no order."""
        turned = {f.name: Path(f.location) for f in reversed(found.files)}
        again = self.read(turned, found.release)
        assert sorted(again, key=lambda d: d.id) == sorted(documents, key=lambda d: d.id)

    def test_another_process_with_other_hashes_reads_the_same(self, documents, release):
        """P12: no set decides an order."""
        kind = type(self.source)
        said = {
            subprocess.run(
                [sys.executable, "-c", _IN_ANOTHER_PROCESS, kind.__module__, kind.__qualname__, str(release)],
                env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        }
        assert len(said) == 1

    # what it refuses

    @pytest.mark.parametrize(
        "content",
        [b"", b"\n \n", ERROR_PAGE, b"\x00" * 4096, b"PK\x03\x04" + b"\x00" * 40],
        ids=["empty", "blank", "error-page", "zeros", "half-a-zip"],
    )
    def test_what_is_no_release_is_refused_with_advice(self, found, tmp_path, content):
        """P7: nothing to read, an error page sent as a file, half an archive: each ends in words."""
        broken = tmp_path / "broken"
        broken.write_bytes(content)
        with pytest.raises(Rejected) as refused:
            self.read({f.name: broken for f in found.files if f.name != "release.toml"}, found.release)
        assert refused.value.next

    def test_a_file_cut_in_half_is_never_taken_for_all_of_it(self, documents, found, tmp_path):
        """P7: it is refused, or what was lost shows and stops at the breaker."""
        halves = {}
        for number, file in enumerate(found.files):
            data = Path(file.location).read_bytes()
            halves[file.name] = tmp_path / f"half-{number}"
            halves[file.name].write_bytes(data[: len(data) // 2] if file.name != "release.toml" else data)
        try:
            left = self.read(halves, found.release)
        except Rejected as refused:
            assert refused.next
        else:
            assert [d.text for d in left] != [d.text for d in documents]

    def test_losing_half_of_its_documents_stops_at_the_breaker(self, documents, found):
        """P7: for every source, and with what still serves in the message."""
        table = TableVersion(name="t", version=1, rows=len(documents) * 2, digest="d")
        state = SourceState(
            release="before", valid_from=found.release.valid_from, licence="", origin="", snapshot="s", documents=table, texts=table, made_by="m"
        )  # fmt: skip
        encoder = EncoderState(name="e", revision="1", digest="e", width=1, precision="fp32")
        serving = Manifest.model_validate(
            {"id": "2026-01-01.1", "parent": "", "created": "2026-01-01T00:00:00Z", "candidate": "c", "audit": "a", "sources": {self.source.name: state}, "encoder": encoder}
        )  # fmt: skip
        allowed = largest_loss(self.expectations, self.source.name)
        with pytest.raises(Rejected, match=r"2026-01-01\.1 still serves"):
            check_loss(
                found.release,
                "s" * 64,
                len(documents),
                serving,
                gone=len(documents),
                allowed=allowed,
                expectations=self.expectations,
            )
        renamed = replace(found.release, name="another")
        check_loss(
            renamed, "s" * 64, len(documents) * 2, serving, gone=0, allowed=allowed, expectations=self.expectations
        )

"""Do the same bytes give the same release, wherever and in whatever order they are read, and nothing new the second time?"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import lancedb
import numpy as np
import pytest
from small_home import drugs, protocols, write

from probatum import pipeline, settings
from probatum.candidates import candidate_of
from probatum.files import write_sealed
from probatum.release import Releases
from probatum.tables import open_table

FILES = {
    "chest-drain.md": "# Chest drain\n\n## Clamping\n\nDo not clamp a drain that bubbles.\n\n## Review\n\nDaily, by the team.\n",
    "falls.html": "<html><body><h1>Falls</h1><p>Keep the call bell within reach at all times.</p>"
    "<table><tr><th>Score</th><th>Action</th></tr><tr><td>0 to 2</td><td>usual care</td></tr></table></body></html>",
    "oxygen.md": "# Oxygen\n\nAim for 88 to 92 % in people who retain carbon dioxide.\n\n- Prescribe a target.\n- Recheck in 1 h.\n",
    "seizures.txt": "Seizures\n\nGive lorazepam 4 mg intravenously when a convulsion exceeds 5 minutes.\n",
    "zinc.md": "# Zinc\n\nNot on the list.\n",
}
CSV = "Generic name,Strength,Brand,Tier,Restriction\n" + "".join(
    f"{name},{strength},{brand},{tier},{restriction}\n"
    for name, strength, brand, tier, restriction in (
        ("apixaban", "5 mg tablet", "Eliquis", "1", ""),
        ("meropenem", "1 g vial", "Merrem", "2", "microbiology approval"),
        ("apixaban", "2.5 mg tablet", "Eliquis", "1", ""),
        ("zinc sulfate", "220 mg capsule", "", "3", ""),
    )
)
REFRESH = """
import json, os, sys
from pathlib import Path
from probatum import pipeline
from probatum.settings import settings
from sources.registry import source_named
import sources.guidelines

if sys.argv[2] == "backwards":  # as another file system would list them
    files_at = sources.guidelines.files_at
    sources.guidelines.files_at = lambda *a, **k: files_at(*a, **k)[::-1]
chosen, states = settings(), []
for name in ("guidelines", "formulary"):
    source = source_named(name)
    snapshot = pipeline.fetch(chosen, source, str(Path(sys.argv[1]) / name))
    parsed = pipeline.parse(chosen, source, snapshot)
    states.append(pipeline.write(chosen, source, snapshot, parsed, allowed_loss=0.0))
candidate = pipeline.assemble(chosen, states[:: -1 if sys.argv[2] == "backwards" else 1])
tables = {n: [s.documents.digest, s.texts.digest] for n, s in pipeline.read_candidate(chosen, candidate).sources.items()}
print(json.dumps({"candidate": candidate, "tables": tables, "made_by": [
    s.made_by for _, s in sorted(pipeline.read_candidate(chosen, candidate).sources.items())]}))
"""


def dropped(folder, order):
    """The files of two sources, written in an order and with times of their own."""
    for source, files in (("guidelines", FILES), ("formulary", {"formulary-2026-10-01.csv": CSV})):
        where = folder / source / "2026-10-01" if source == "formulary" else folder / source
        where.mkdir(parents=True)
        for n, name in enumerate(sorted(files)[::order]):
            (where / name).write_text(files[name], "utf-8")
            os.utime(where / name, (1_790_000_000 + n * (source != "guidelines"),) * 2)
    return folder


def vectors(home, name):
    table = lancedb.connect(home / "lance").open_table(name).to_arrow()
    return dict(zip(table["id"].to_pylist(), np.array(table["vector"].to_pylist()), strict=True))


def test_another_order_another_hash_seed_and_another_home_give_the_same_content(tmp_path):
    """P12: real files through the real pipeline in two processes; ids, texts, spans and vectors agree."""
    running = []
    for n, order in enumerate(("forwards", "backwards")):
        drop = dropped(tmp_path / f"drop-{n}", 1 if order == "forwards" else -1)
        place = {"TZ": ("UTC", "Pacific/Auckland")[n], "LC_ALL": ("C.UTF-8", "C")[n], "PYTHONHASHSEED": str(n + 1)}
        environment = os.environ | place | {"PROBATUM_HOME": str(tmp_path / f"home-{n}")}
        command = [sys.executable, "-c", REFRESH, str(drop), order]
        running.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    said = [json.loads(process.communicate(timeout=300)[0].splitlines()[-1]) for process in running]
    assert said[0] == said[1] and said[0]["tables"].keys() == {"formulary", "guidelines"}
    for path in (tmp_path / "home-0" / "lance").glob("*-texts-*.lance"):
        one, other = (vectors(tmp_path / f"home-{n}", path.stem) for n in (0, 1))
        assert one.keys() == other.keys() and len(one) > 3
        assert min(one[i] @ other[i] for i in one) > 1 - 1e-5


def test_rows_given_in_another_order_have_the_same_digest(published, tmp_path):
    """P12: the digest is of what is in a table, not of how it came there."""
    for source, documents in (("formulary", drugs()), ("guidelines", protocols())):
        serving = published.manifest.sources[source]
        turned = write(tmp_path / "elsewhere", published.encoder, source, documents[::-1])
        assert turned.documents.digest == serving.documents.digest
        assert turned.texts.digest == serving.texts.digest
        assert turned.snapshot == serving.snapshot


def test_writing_what_already_serves_touches_no_table_and_encodes_nothing(published):
    """P12: the second refresh is a no-op; the candidate it would make is the one that serves."""
    home, encoder, before = published.home, published.encoder, stamps(published.home)
    encoder.asked.clear()
    states = {
        source: write(home, encoder, source, documents[::-1], serving=published.manifest.sources[source])
        for source, documents in (("formulary", drugs()), ("guidelines", protocols()))
    }
    assert states == published.manifest.sources
    assert encoder.asked == [] and stamps(home) == before
    again = candidate_of(Releases(home).current(), encoder.identity, states)
    assert again.digest() == published.manifest.candidate


def stamps(home):
    """Every file of the tables, with when it was last written."""
    return {path: path.stat().st_mtime_ns for path in (home / "lance").rglob("*") if path.is_file()}


def test_a_second_refresh_of_the_same_release_knows_that_it_serves(tmp_path, published, monkeypatch):
    """P12: by the bytes, not by their name or date: nothing is parsed, encoded or written."""
    from small_home import report_of

    from probatum.publish import Publisher
    from sources.registry import source_named

    monkeypatch.setenv("PROBATUM_HOME", str(published.home))
    settings.reset()
    chosen, source = settings.settings(), source_named("guidelines")
    drop = dropped(tmp_path / "drop", 1) / "guidelines"
    snapshot = pipeline.fetch(chosen, source, str(drop))
    assert not pipeline.already_serves(chosen, source, snapshot)
    parsed = pipeline.parse(chosen, source, snapshot)
    state = pipeline.write(chosen, source, snapshot, parsed, allowed_loss=0.99)
    candidate = pipeline.read_candidate(chosen, pipeline.assemble(chosen, [state]))
    report = report_of(candidate)
    write_sealed(published.home / "audits" / f"{report.candidate}.json", report.model_dump(mode="json"))
    Publisher(published.home).publish(candidate, report, actor="t")
    before = stamps(published.home)
    assert pipeline.already_serves(chosen, source, pipeline.fetch(chosen, source, str(drop)))
    assert pipeline.serves(chosen, "guidelines", pipeline.write(chosen, source, snapshot, parsed, allowed_loss=0.99))
    assert stamps(published.home) == before
    (drop / "zinc.md").write_text(FILES["zinc.md"].replace("Not", "Now"), "utf-8")
    assert not pipeline.already_serves(chosen, source, pipeline.fetch(chosen, source, str(drop)))


@pytest.mark.parametrize("change", ["title", "text", "family", "valid_from", "file", "sha256", "meta"])
def test_a_document_that_differs_in_anything_has_another_digest(small_home, encoder, change):
    """P12: a digest that did not see a column would call two releases the same."""
    document = drugs()[0]
    value = {"meta": {"tier": "9"}, "text": document.text + " "}.get(change, "2026-10-02")
    one = write(small_home, encoder, "formulary", [document])
    other = write(small_home, encoder, "formulary", [replace(document, **{change: value})])
    assert one.documents.digest != other.documents.digest


def test_the_published_tables_have_the_digests_the_manifest_names(published_once):
    """P12: the digest is of what is on disk."""
    from probatum import digests

    for state in published_once.manifest.sources.values():
        for named in (state.documents, state.texts):
            rows = open_table(Path(published_once.home) / "lance", named.name, named.version).read(["id", "hash"])
            assert named.digest == digests.of_pairs(zip(*rows.to_pydict().values(), strict=True))
            assert named.rows == rows.num_rows

"""Is one flipped bit, in any kind of file there is, found and named before anybody is served by it?"""

import os
import random
import shutil
import sqlite3
from contextlib import closing

import pytest
from small_adapters import add_adapter, make_adapter
from small_runs import chosen

from probatum.candidates import candidate_of
from probatum.doctor import examine
from probatum.errors import Damaged, Misconfigured, ProbatumError
from probatum.files import write_json
from probatum.pipeline import publish
from probatum.publish import Publisher
from probatum.release import Releases
from probatum.scrub import scrub

SEED = int(os.environ.get("PROBATUM_SEED", "20261121"))
EACH = 2 if not os.environ.get("PROBATUM_FUZZ") else 40
OF_TABLES = {
    "data": "lance/*/data/*.lance",
    "manifest": "lance/*/_versions/*.manifest",
    "transaction": "lance/*/_transactions/*",
    "deletions": "lance/*/_deletions/*",
    "tag": "lance/*/_refs/tags/*.json",
    "index": "lance/*/_indices/*/*",
    "seals": "seals/*.json",
}
OTHERS = {
    "pointer": "current.json",
    "format": "format.json",
    "release": "releases/*.json",
    "audit": "audits/*.json",
    "answers": "audits/answers/*.json",
    "candidate": "candidates/*.json",
    "snapshot": "snapshots/*/*.json",
    "blob": "blobs/*",
    "vectors": "vectors/*.sqlite",
    "adapter": "adapters/*/*",
    "adapters' lives": "adapters/lives.json",
    "journal": "journal.jsonl",
    "journal's head": "journal.jsonl.head",
}
DECIDES_A_PUBLISH = {*OF_TABLES, "pointer", "format", "audit"} - {"deletions"}


@pytest.fixture(scope="module")
def whole(published_once, tmp_path_factory):
    """(home, digest of a candidate that could be published) with every kind of file in it."""
    from dataclasses import replace

    from small_home import drugs, write

    from probatum.audit import audit

    home = shutil.copytree(published_once.home, tmp_path_factory.mktemp("whole") / "home")
    add_adapter(
        home,
        make_adapter(tmp_path_factory.mktemp("adapter") / "made", chosen(home, published_once.expectations)),
        "query",
    )
    changed = [replace(d, meta=d.meta | {"tier": "9"}) if n < 3 else d for n, d in enumerate(drugs())]
    state = write(
        home, published_once.encoder, "formulary", changed, serving=published_once.manifest.sources["formulary"]
    )
    candidate = candidate_of(published_once.manifest, published_once.encoder.identity, {"formulary": state})
    write_json(home / "candidates" / f"{candidate.digest()}.json", candidate.model_dump(mode="json"))
    audit(home, published_once.expectations, candidate, published_once.encoder, serving=published_once.manifest)
    return home, candidate.digest()


def flip(path, chance):
    """One bit, anywhere in it; where."""
    raw = bytearray(path.read_bytes())
    at = chance.randrange(len(raw) * 8)
    raw[at // 8] ^= 1 << at % 8
    path.chmod(0o644)
    path.write_bytes(raw)
    return at


def rows_of(path):
    try:
        with closing(sqlite3.connect(path)) as cache:
            return cache.execute("SELECT text, vector, sum FROM vectors").fetchall()
    except sqlite3.DatabaseError:
        return None


@pytest.mark.parametrize("kind", [*OF_TABLES, *OTHERS])
def test_one_flipped_bit_is_found_and_its_file_named(whole, published_once, tmp_path, kind):
    """P13: by the scrub; a publish of a candidate that it concerns is refused, and what served before still does."""
    for n in range(EACH):
        chance = random.Random(f"{SEED} {kind} {n}")
        home = shutil.copytree(whole[0], tmp_path / f"home-{n}")
        files = sorted(home.glob((OF_TABLES | OTHERS)[kind]))
        assert files, kind
        path = chance.choice([p for p in files if p.name != "latest_version_hint.json"])
        at = flip(path, chance)
        said = f"seed {SEED}: bit {at} of {path.relative_to(home)}"
        found = scrub(home)
        named = {each.path for each in found.broken}
        shown = path.relative_to(home).as_posix()
        wanted = "journal.jsonl" if kind == "journal's head" else shown
        unused = kind == "vectors" and rows_of(path) == rows_of(
            whole[0] / shown
        )  # a page of SQLite's has room to spare
        assert wanted in named or unused, f"{said}: named {sorted(named)}"
        settings = chosen(home, published_once.expectations)
        assert (
            kind == "vectors"
            or any(f.level == "wrong" and f.advice for f in examine(settings))
            or kind not in DECIDES_A_PUBLISH
        ), said
        if kind in DECIDES_A_PUBLISH and (kind != "audit" or path.stem == whole[1]):
            with pytest.raises((Damaged, Misconfigured)):
                publish(settings, whole[1], actor="t")
        shutil.rmtree(home)


def test_an_index_at_which_the_tables_give_up_is_named_and_nothing_is_published(whole, published_once, tmp_path):
    """P13: LanceDB panics at a type it does not know, with an error of a class of its own."""
    home = shutil.copytree(whole[0], tmp_path / "home")
    spoilt = [path for path in home.glob(OF_TABLES["index"]) if b"uint32" in path.read_bytes()]
    assert spoilt
    for path in spoilt:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b"uint32", b"uin432"))
    assert {path.relative_to(home).as_posix() for path in spoilt} <= {each.path for each in scrub(home).broken}
    with pytest.raises((Damaged, Misconfigured)):
        publish(chosen(home, published_once.expectations), whole[1], actor="t")


def test_search_on_a_damaged_pointer_fails_closed_and_names_the_way_back(whole, published_once, encoder, tmp_path):
    """P13: every single bit of the pointer, and of the manifest it names: the release as it was, or Damaged with the rollback."""
    from probatum.search import Searcher

    home = shutil.copytree(whole[0], tmp_path / "home")
    serving = Releases(home).current()
    for path in (home / "current.json", home / "releases" / f"{serving.id}.json"):
        raw = path.read_bytes()
        for bit in range(0, len(raw) * 8, 1 if len(raw) < 400 else 7):
            path.write_bytes(raw[: bit // 8] + bytes([raw[bit // 8] ^ 1 << bit % 8]) + raw[bit // 8 + 1 :])
            try:
                assert Releases(home).current() == serving, (
                    f"bit {bit} of {path.name}"
                )  # a blank, or a letter of an escape
            except ProbatumError as error:
                assert isinstance(error, Damaged) and "probatum rollback" in error.next, (
                    f"bit {bit} of {path.name}: {error}"
                )
        path.write_bytes(raw)
    flip(home / "current.json", random.Random(SEED))
    with pytest.raises(Damaged, match="probatum rollback RELEASE"):
        Searcher.open(home, encoder)
    assert Publisher(home).rollback(serving.id, actor="t") == serving and Searcher.open(home, encoder).search(
        "apixaban"
    )


def test_an_undamaged_home_is_whole(whole):
    """P13: and a scrub that always complains would prove nothing."""
    found = scrub(whole[0])
    assert found.broken == () and all(count for kind, count in found.counts.items() if kind != "notes")


def test_releases_are_listed_though_the_pointer_is_damaged(whole, published_once, monkeypatch, tmp_path):
    """P13: the advice is to go back by name, so the names can be had; the command still ends as one that found damage."""
    from typer.testing import CliRunner

    from probatum import cli, settings

    home = shutil.copytree(whole[0], tmp_path / "home")
    serving = Releases(home).current()
    (home / "current.json").write_bytes((home / "current.json").read_bytes()[:20])
    monkeypatch.setenv("PROBATUM_HOME", str(home))
    settings.reset()
    said = CliRunner().invoke(cli.app, ["releases"])
    assert serving.id in said.output and isinstance(said.exception, Damaged)
    assert said.exception.safe == "Nothing was searched or changed."


def test_the_audit_of_what_serves_is_missed_and_comes_back_from_a_backup(whole, tmp_path):
    """P13: nothing can be built on a release without it; the scrub says so, and a backup has it."""
    from probatum.backup import take
    from probatum.mending import mend

    home = shutil.copytree(whole[0], tmp_path / "home")
    backup = take(home, tmp_path / "backups", actor="t").path
    path = home / "audits" / f"{Releases(home).current().candidate}.json"
    path.unlink()
    assert [each.path for each in scrub(home).broken] == [path.relative_to(home).as_posix()]
    assert mend(home, backup, actor="t") == ([path.relative_to(home).as_posix()], [])
    assert scrub(home).broken == ()

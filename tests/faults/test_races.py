"""Many at once: publishers, refreshes and readers. Exactly one wins each round, nobody is overwritten, nobody sees half a release."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from small_home import drugs, protocols, questions, report_of, write

from probatum import locks
from probatum.candidates import candidate_of
from probatum.errors import Retryable
from probatum.locks import one_refresh, read_turn, running
from probatum.publish import Publisher
from probatum.release import Releases
from probatum.search import Searcher
from probatum.verify import verify

HERE = Path(__file__).parent
PUBLISHERS = 16
GATE = "audit" if os.environ.get("PROBATUM_FUZZ") else "report"
MOVES = 200 if os.environ.get("PROBATUM_FUZZ") else 80
READERS = 4
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{HERE}:{HERE.parent}:{HERE.parents[1]}", "PROBATUM_HOME": os.devnull}


@pytest.fixture(scope="module")
def raced(published_once, tmp_path_factory):
    """(home, {source: its attempts}): sixteen processes, each with a source of its own, from one parent, at once."""
    folder = tmp_path_factory.mktemp("raced")
    home = shutil.copytree(published_once.home, folder / "home")
    expectations = shutil.copytree(published_once.expectations, folder / "expectations")
    thresholds = (expectations / "thresholds.toml").read_text()
    for n in range(PUBLISHERS):
        name = f"s{n:02d}"
        documents = [replace(d, source=name) for d in drugs()]
        state = write(home, published_once.encoder, name, documents)
        (home / "candidates").mkdir(exist_ok=True)
        (home / "candidates" / f"race-{name}.json").write_text(state.model_dump_json())
        asked = [q | {"source": name, "id": q["id"].replace("formulary", name)} for q in questions()["formulary"]]
        (expectations / "golden" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, asked)) + "\n")
        thresholds += f"\n[{name}]\nlargest_loss = 0.1\nlook_late_after_days = 0\nrelease_late_after_days = 0\n"
        for suite in (expectations / "suites").glob("formulary*"):
            shutil.copy(suite, suite.with_name(suite.name.replace("formulary", name)))
    (expectations / "thresholds.toml").write_text(thresholds)
    ran = subprocess.run([sys.executable, str(HERE / "racing.py"), home, expectations, GATE], env=ENVIRONMENT, capture_output=True, text=True, timeout=900)  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    return home, json.loads(ran.stdout)


@pytest.mark.slow
def test_sixteen_racing_publishers_all_end_up_in_the_release(raced, published_once):
    """P14: from one parent, at once, each with another source; who loses a round begins again from what serves. All are in it."""
    home, history = raced
    serving = Releases(home).current()
    assert set(serving.sources) == {*history, "formulary", "guidelines"} and len(history) == PUBLISHERS
    assert verify(home, serving, spans=20)["tables"] == 2 * (PUBLISHERS + 2)
    assert sum(len(attempts) for attempts in history.values()) > PUBLISHERS  # somebody lost a round
    assert Publisher(home).journal().verify() == PUBLISHERS + 1


@pytest.mark.slow
def test_each_release_of_the_race_adds_exactly_one_source_to_its_parent(raced):
    """P14: one wins each round: the releases are one line, and each holds all that its parent does and one more."""
    home, _ = raced
    line = Releases(home).all()
    assert [m.parent for m in line] == ["", *[m.id for m in line[:-1]]] and len(line) == PUBLISHERS + 1
    for before, after in pairwise(line):
        assert len(after.sources) == len(before.sources) + 1
        assert {name: after.sources[name] for name in before.sources} == before.sources
    published = [r["release"] for r in Publisher(home).journal().records() if r["action"] == "publish"]
    assert published == [m.id for m in line]


@pytest.mark.slow
def test_the_race_is_linearizable(raced, published_once):
    """P14: the history of compare-and-swaps has an order that agrees with the clock: a publish that ended before another began
    comes before it, and whoever was told of a conflict was overtaken before that was said."""
    home, history = raced
    place = {manifest.id: n for n, manifest in enumerate(Releases(home).all())}
    attempts = [attempt for each in history.values() for attempt in each]
    won = sorted((a for a in attempts if a["release"]), key=lambda a: place[a["release"]])
    for n, first in enumerate(won):
        for later in won[n + 1 :]:
            assert first["began"] < later["ended"], (first, later)
    by_parent = {a["parent"]: a for a in won}
    for lost in (a for a in attempts if not a["release"]):
        assert by_parent[lost["parent"]]["began"] < lost["ended"], lost
    for attempt in won:
        assert place[attempt["release"]] == place[attempt["parent"]] + 1


def test_every_answer_belongs_to_exactly_one_release_while_releases_come_and_go(published):
    """P2: four readers, while publishes and rollbacks happen: tables of both sources, encoder and release of every answer agree."""
    home, encoder = published.home, published.encoder
    labels, stop, wrong, answered = {published.manifest.id: ("1", "first")}, threading.Event(), [], [0]
    made = []
    for n in range(4):
        tier, number = str(n + 2), f"edition {n}"
        serving = Releases(home).current()
        states = {
            "formulary": write(home, encoder, "formulary", [replace(d, meta=d.meta | {"tier": tier}) for d in drugs()], serving=serving.sources["formulary"]),
            "guidelines": write(home, encoder, "guidelines", [replace(d, meta=d.meta | {"number": number}) for d in protocols()], serving=serving.sources["guidelines"]),
        }  # fmt: skip
        made.append((states, (tier, number)))
    question = "Apixaban 5 mg tablet"
    first = {s: Searcher.open(home, encoder).search(question, source=s, k=1)[0] for s in ("formulary", "guidelines")}
    labels[published.manifest.id] = (first["formulary"].meta["tier"], first["guidelines"].meta["number"])

    def read():
        try:
            while not stop.is_set():
                searcher = Searcher.open(home, encoder)
                hits = [searcher.search(question, source=s, k=1)[0] for s in ("formulary", "guidelines")]
                manifest = Releases(home).read(searcher.release)
                seen = (hits[0].meta["tier"], hits[1].meta["number"])
                if {h.release for h in hits} != {manifest.id} or manifest.encoder.digest != encoder.identity.digest:
                    wrong.append(("release", searcher.release))
                if manifest.id in labels and seen != labels[manifest.id]:
                    wrong.append((manifest.id, seen, labels[manifest.id]))
                answered[0] += 1
        except BaseException as error:
            wrong.append(repr(error))

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    publisher = Publisher(home)
    try:
        for n in range(MOVES):
            if n % 3 == 2:
                publisher.rollback(None, actor="t")
                continue
            states, label = made[n % len(made)]
            candidate = candidate_of(publisher.current(), encoder.identity, states)
            labels[publisher.publish(candidate, report_of(candidate), actor="t").id] = label
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == [] and answered[0] > MOVES / 4, (wrong[:3], answered)


# --- one refresh a source

HOLD = (
    "import sys, pathlib\n"
    "from probatum.locks import one_refresh\n"
    "with one_refresh(pathlib.Path(sys.argv[1]), ['formulary']):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.readline()\n"
    "    if len(sys.argv) > 2:\n"
    "        from probatum.audit_report import AuditReport\n"
    "        from probatum.errors import Conflict\n"
    "        from probatum.publish import Publisher\n"
    "        from probatum.release import Candidate\n"
    "        candidate = Candidate.model_validate_json(pathlib.Path(sys.argv[2]).read_bytes())\n"
    "        report = AuditReport.model_validate_json(pathlib.Path(sys.argv[3]).read_bytes())\n"
    "        try: print(Publisher(pathlib.Path(sys.argv[1])).publish(candidate, report, actor='zombie').id)\n"
    "        except Conflict as refused: print('conflict:', refused.happened)\n"
)


def holder(home, *more):
    process = subprocess.Popen([sys.executable, "-c", HOLD, home, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)  # fmt: skip
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_refresh_of_a_source_says_who_is_at_it(small_home, monkeypatch):
    """P15: it waits a little, then ends as one to try again, and names the process and since when; another source is free."""
    monkeypatch.setattr(locks, "_WAIT_S", 0.2)
    first = holder(small_home)
    try:
        said = rf"formulary is already running \(process {first.pid} on .* UTC\)"
        with pytest.raises(Retryable, match=said), one_refresh(small_home, ["formulary"]):
            pass
        with one_refresh(small_home, ["guidelines"]):
            assert set(running(small_home)) == {"formulary", "guidelines"}
    finally:
        first.communicate("go\n", timeout=30)
    assert running(small_home) == {}


def test_a_second_refresh_waits_for_one_that_ends_soon(small_home):
    """P15: without a word, and without an error."""
    first = holder(small_home)
    threading.Timer(0.5, lambda: first.communicate("go\n", timeout=30)).start()
    with one_refresh(small_home, ["formulary"]):
        assert read_turn(small_home, "formulary").turn == 2


def test_the_lock_of_a_dead_process_is_taken_over(small_home):
    """P15: killed in the middle, the next refresh starts at once: the system frees what a dead process held."""
    first = holder(small_home)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    with one_refresh(small_home, ["formulary"]):
        assert read_turn(small_home, "formulary") == replace(
            read_turn(small_home, "formulary"), turn=2, pid=os.getpid()
        )
    first.communicate()


def test_a_zombie_that_resumes_after_its_turn_cannot_publish(published, tmp_path):
    """P15: stopped, its lock file swept away, another refresh published and somebody rolled back to the zombie's own parent: the
    parent agrees again, the number of the turn does not."""
    home, encoder = published.home, published.encoder
    serving = Releases(home).current()
    state = write(home, encoder, "formulary", drugs()[1:], serving=serving.sources["formulary"])
    stale = candidate_of(serving, encoder.identity, {"formulary": state})
    (tmp_path / "candidate").write_text(stale.model_dump_json())
    (tmp_path / "report").write_text(report_of(stale).model_dump_json())
    zombie = holder(home, tmp_path / "candidate", tmp_path / "report")
    os.kill(zombie.pid, signal.SIGSTOP)
    try:
        (home / "locks" / "formulary.lock").unlink()
        with one_refresh(home, ["formulary"]):
            state = write(home, encoder, "formulary", drugs()[2:], serving=serving.sources["formulary"])
            candidate = candidate_of(serving, encoder.identity, {"formulary": state})
            Publisher(home).publish(candidate, report_of(candidate), actor="next")
            Publisher(home).rollback(serving.id, actor="next")
    finally:
        os.kill(zombie.pid, signal.SIGCONT)
    said, _ = zombie.communicate("go\n", timeout=60)
    assert "conflict: This refresh of formulary has turn 1, but turn 2 was taken by process" in said
    assert Releases(home).current() == serving

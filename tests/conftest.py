"""What all tests share: a home of their own, one encoder a session, and a small release that is really published."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from probatum import settings
from probatum.release import Manifest
from probatum.search import Searcher


@pytest.fixture(autouse=True)
def no_test_touches_a_real_home(tmp_path, monkeypatch):
    """Whatever reads the settings sees a home that is nobody's."""
    monkeypatch.setenv("PROBATUM_HOME", str(tmp_path / "home"))
    settings.reset()
    yield
    settings.reset()


@pytest.fixture(scope="session")
def encoder():
    """The embedded encoder; it takes seconds to load."""
    from small_home import RememberingEncoder

    from probatum.encoder import Encoder

    return RememberingEncoder(Encoder.load())


@dataclass(frozen=True)
class Published:
    """A home with one published release of two sources, and the expectations that let it through."""

    home: Path
    expectations: Path
    manifest: Manifest
    encoder: object

    def searcher(self) -> Searcher:
        return Searcher.open(self.home, self.encoder)


@pytest.fixture(scope="session")
def published_once(encoder, tmp_path_factory) -> Published:
    """Built, audited and published once a session. For reading only: who changes anything takes `published`."""
    from small_home import questions, small_candidate, write_expectations

    from probatum.audit import audit
    from probatum.publish import Publisher

    home = tmp_path_factory.mktemp("published")
    expectations = write_expectations(tmp_path_factory.mktemp("expectations"))
    encoder.encode([q["question"] for asked in questions().values() for q in asked])
    candidate = small_candidate(home, encoder)
    report = audit(home, expectations, candidate, encoder)
    return Published(home, expectations, Publisher(home).publish(candidate, report, actor="test"), encoder)


@pytest.fixture
def published(published_once, tmp_path) -> Published:
    """A copy of the small release, to do anything to."""
    home = shutil.copytree(published_once.home, tmp_path / "home")
    expectations = shutil.copytree(published_once.expectations, tmp_path / "expectations")
    return Published(home, expectations, published_once.manifest, published_once.encoder)


@pytest.fixture(scope="session")
def history(encoder, tmp_path_factory):
    """Two releases and a refused candidate, each with its report: see `small_reports`. For reading only."""
    from small_home import questions, write_expectations
    from small_reports import make_history

    folder = tmp_path_factory.mktemp("history")
    encoder.encode([q["question"] for asked in questions().values() for q in asked])
    (folder / "home").mkdir()
    return make_history(folder / "home", write_expectations(folder / "expectations"), encoder)


@pytest.fixture
def small_home(tmp_path) -> Path:
    """An empty home."""
    home = tmp_path / "home"
    home.mkdir()
    return home

"""Is the README true: does every command in it run, and does its table of promises say what the tests say?

Every line of a ```bash block is run as it stands, but for four things that differ from home to home: the folder of the
drops, the host, the id of a release, and the file of questions.
"""

import functools
import http.server
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from databases import ready_home
from expecting import SAMPLES, few_drugs
from promises import BEGIN, END, PAGE, README, TESTS, in_readme, page, promises
from small_runs import loaded_once

from probatum import cli
from probatum.audit import audit
from probatum.files import write_json
from probatum.publish import Publisher
from probatum.release import Candidate
from probatum.settings import reset

ROOT = README.parent
TEXT = README.read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", TEXT, re.S) for line in block.splitlines() if line]
PROBATUM = [line for line in COMMANDS if "probatum " in line]
REFUSED = 20
RUNS_FLOWS = ("probatum refresh",)
MAY_BE_REFUSED = ("probatum refresh",)  # the samples do not answer the small home's questions
ORDER_LINES = (
    "00001 I10     1 Essential (primary) hypertension                             Essential (primary) hypertension\r\n"
    "00002 J45     0 Asthma                                                       Asthma\r\n"
    "00003 J459    0 Other and unspecified asthma                                 Other and unspecified asthma\r\n"
    "00004 J45909  1 Unspecified asthma, uncomplicated                            Unspecified asthma, uncomplicated\r\n"
)


@pytest.fixture(scope="module")
def drops(tmp_path_factory) -> Path:
    """What /srv/drops holds in the README: a formulary, a folder of guidelines, a zip of codes."""
    folder = tmp_path_factory.mktemp("drops")
    (folder / "formulary").mkdir()
    few_drugs(folder / "some").rename(folder / "formulary" / "2026-10.csv")
    (folder / "guidelines").mkdir()
    shutil.copy(SAMPLES / "guidelines" / "2026-07" / "ngh-prot-045-delirium.md", folder / "guidelines")
    (folder / "icd10cm").mkdir()
    with zipfile.ZipFile(folder / "icd10cm" / "Code-descriptions-April-2026.zip", "w") as archive:
        archive.writestr("icd10cm-order-April-2026.txt", ORDER_LINES)
    (folder / "questions.txt").write_text("furosemide\nwarfarin\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def host(drops):
    """A publisher's host, on loopback."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=drops)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


@pytest.fixture(scope="module")
def made_once(published_once, tmp_path_factory) -> Path:
    """A home with two releases, so that there is one to go back to, and a candidate that waits to be published."""
    home = shutil.copytree(published_once.home, tmp_path_factory.mktemp("readme") / "home")
    serving = published_once.manifest
    for waits in (False, True):
        candidate = Candidate(parent=serving.id, sources=serving.sources, encoder=serving.encoder)
        report = audit(home, published_once.expectations, candidate, published_once.encoder, serving=serving)
        if not waits:
            serving = Publisher(home).publish(candidate, report, actor="test")
    write_json(home / "candidates" / f"{candidate.digest()}.json", candidate.model_dump(mode="json"))
    return home


@pytest.fixture
def home(made_once, published_once, tmp_path) -> tuple[Path, Path, str]:
    """(a copy of the home, its expectations, its first release)"""
    return shutil.copytree(made_once, tmp_path / "home"), published_once.expectations, published_once.manifest.id


@pytest.mark.slow
@pytest.mark.parametrize("command", PROBATUM)
def test_every_command_in_the_readme_does_what_it_says(command, home, drops, host, encoder, tmp_path, capsys):
    """P52: every command of the README runs."""
    folder, expectations, first = home
    said = command.replace("/srv/drops", str(drops)).replace("https://files.example.org", host)
    said = said.replace("2026-11-20.1", first).replace("questions.txt", str(drops / "questions.txt"))
    settings = {"PROBATUM_HOME": str(folder), "PROBATUM_EXPECTATIONS": str(expectations)}
    settings["PREFECT_HOME"] = str(tmp_path / "prefect")
    words = shlex.split(said)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        settings[name] = value
    run = _alone if command.startswith(RUNS_FLOWS) else _here
    ended, told, complained = run(words[1:], settings, encoder, capsys)
    allowed = (0, REFUSED) if command.startswith(MAY_BE_REFUSED) else (0,)
    assert ended in allowed, told + complained
    assert told.strip()
    assert "Traceback" not in complained


def _alone(words, settings, *_):
    """(exit code, output, errors) of a process of its own, as Prefect wants it."""
    ready_home(Path(settings["PREFECT_HOME"]))
    command = [sys.executable, "-m", "probatum.cli", *words]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def _here(words, settings, encoder, capsys):
    """The same in this process, which has loaded by now what takes a command most of its time."""
    with pytest.MonkeyPatch.context() as patch, loaded_once(encoder):
        patch.setattr("sys.argv", ["probatum", *words])
        patch.chdir(ROOT)
        for name, value in settings.items():
            patch.setenv(name, value)
        reset()
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return ended.value.code or 0, *capsys.readouterr()


def test_every_make_target_the_readme_names_exists():
    named = {words[1] for line in COMMANDS if (words := line.split())[0] == "make"} | set(
        re.findall(r"`make (\S+)`", TEXT)
    )
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert {"demo", "test"} <= named <= targets


def test_every_command_there_is_stands_in_the_readme():
    from probatum.cli import app

    commands = {each.name or each.callback.__name__ for each in app.registered_commands}
    assert {command for command in commands if not re.search(rf"probatum {command}\b", TEXT)} == set()


def test_every_exit_code_of_the_readme_is_one_of_the_errors():
    from probatum import errors

    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.M)}
    classes = [each for each in vars(errors).values() if isinstance(each, type) and each is not errors.ProbatumError]
    assert listed == {each.exit_code for each in classes} | {0, 2}


def test_every_file_the_readme_names_is_there():
    named = set(
        re.findall(
            r"`((?:sources|expectations|tests|probatum|flows|tasks|bench)/[\w./-]+|[\w-]+\.(?:yaml|lock))`", TEXT
        )
    )
    assert named
    assert {name for name in named if not (ROOT / name).exists() and "known_differences" not in name} == set()


def test_every_setting_the_readme_names_is_one():
    from probatum.settings import Settings

    named = set(re.findall(r"PROBATUM_([A-Z0-9_]+)", TEXT))
    assert named <= {name.upper() for name in Settings.model_fields}


def test_the_table_of_promises_is_what_the_tests_say():
    """P52: the table of promises is made from the tests that prove them; `make promises` writes it."""
    assert in_readme(TEXT, promises(TESTS)) == TEXT, "run `make promises`"
    assert page(promises(TESTS)) == PAGE.read_text("utf-8"), "run `make promises`"
    assert "**P52**" in TEXT.split(BEGIN)[1].split(END)[0]


def test_a_promise_is_read_from_the_docstring_of_its_test(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_one.py").write_text(
        'def test_it_holds():\n    """P9, P3: doses | units survive."""\n\ndef test_b():\n    """No promise."""\n',
        "utf-8",
    )
    where = "tests/test_one.py"
    assert promises(tmp_path / "tests") == [
        (3, "It holds. Doses \\| units survive.", where),
        (9, "It holds. Doses \\| units survive.", where),
    ]

"""Every error helps: what happened, what is safe, what next; in a command that exists, with an exit code that stays."""

import ast
import pickle
import re
from pathlib import Path

import pytest
import typer

from probatum import cli, errors
from probatum.errors import ProbatumError
from probatum.settings import Settings

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for folder in ("probatum", "sources", "flows", "tasks")
    for path in (ROOT / folder).rglob("*.py")
    if "samples" not in path.parts
)
CLASSES = {
    name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, ProbatumError)
}
COMMANDS = typer.main.get_command(cli.app).commands


def trees():
    return [(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))) for path in FILES]


def text_of(node) -> str:
    """The words of a string expression, with … for what is filled in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return ""


def raised() -> list[tuple[str, ast.Call]]:
    """(where, call) of every error of ours that is made anywhere."""
    found = []
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES:
                found.append((f"{name}:{node.lineno}", node))
    return found


def strings() -> list[tuple[str, str]]:
    """(where, words) of every string there is, docstrings included."""
    found = []
    for name, tree in trees():
        inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inside and (words := text_of(node)):
                found.append((f"{name}:{node.lineno}", words))
    return found


def test_every_error_says_what_happened_and_what_to_do_next():
    """P51: wherever an error is raised, it is given both; what is safe has words of its own in the class."""
    assert len(raised()) > 80
    for where, call in raised():
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        assert len(call.args) == 1, f"{where}: one positional argument, what happened"
        assert "next" in keywords, f"{where}: no next"
        for key, value in {"happened": call.args[0], **keywords}.items():
            words = text_of(value)
            if words or isinstance(value, ast.Constant):
                assert words.strip() and words.rstrip().endswith((".", "…", "?")), (
                    f"{where}: {key} is no sentence: {words!r}"
                )


def test_every_error_is_raised_with_a_class_that_says_what_can_be_done():
    """P51: nobody raises the bare base class, whose exit code says nothing."""
    assert {call.func.id for _, call in raised()} == set(CLASSES) - {"ProbatumError"}


def test_every_command_that_is_named_exists():
    """P51: `probatum rollback` in a message is a command, and its options are options of it."""
    named = 0
    for where, words in strings():
        for command, rest in re.findall(r"`probatum ([a-z-]+)([^`]*)`", words):
            assert command in COMMANDS, f"{where}: there is no command probatum {command}"
            named_command = COMMANDS[command]
            if below := getattr(named_command, "commands", None):
                second = (rest.split() or [""])[0]
                assert second in below, f"{where}: there is no command probatum {command} {second}"
                named_command = below[second]
            options = {
                option for parameter in named_command.params for option in (*parameter.opts, *parameter.secondary_opts)
            }
            for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
                assert option in options, f"{where}: probatum {command} has no {option}"
            named += 1
    assert named > 25


def test_every_setting_that_is_named_exists():
    """P51: a message that names a setting names a real one."""
    fields = {f"PROBATUM_{name.upper()}" for name in Settings.model_fields}
    named = {
        (where, name) for where, words in strings() for name in re.findall(r"\bPROBATUM_[A-Z0-9_]*[A-Z0-9]\b", words)
    }
    assert len(named) >= 5
    assert {name for _, name in named} <= fields, sorted((w, n) for w, n in named if n not in fields)


def test_every_file_of_expectations_that_is_named_has_its_place():
    """P51: a message that sends people to a folder sends them to one the code reads."""
    read = " ".join(words for _, words in strings())
    for where, words in strings():
        for folder in re.findall(r"\bexpectations/([a-z_]+)/", words):
            assert (ROOT / "expectations" / folder).is_dir() or f"{folder}" in read.replace(words, ""), (
                f"{where}: {folder}"
            )


def test_exit_codes_never_change():
    """P51: schedulers and scripts rely on them."""
    assert {name: kind.exit_code for name, kind in CLASSES.items()} == {
        "ProbatumError": 1,
        "Retryable": 10,
        "Rejected": 20,
        "Conflict": 30,
        "Damaged": 40,
        "Misconfigured": 50,
    }


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_a_message_has_its_three_parts_in_order(kind):
    """P51: what happened, what is safe, what next."""
    error = kind("Release 7 has no tables.", safe="Release 6 still serves.", next="Run `probatum releases`.")
    assert str(error) == "Release 7 has no tables. Release 6 still serves. Run `probatum releases`."
    assert (
        kind("Release 7 has no tables.", next="Look.").safe == "Nothing was published; what served before still serves."
    )
    with pytest.raises(TypeError):
        kind("Release 7 has no tables.")


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_an_error_crosses_a_process_whole(kind):
    """P51: what a worker raises is what the parent reports."""
    error = pickle.loads(pickle.dumps(kind("It happened.", safe="All is safe.", next="Look.")))
    assert type(error) is kind and error.exit_code == kind.exit_code
    assert (error.happened, error.safe, error.next, str(error)) == (
        "It happened.",
        "All is safe.",
        "Look.",
        "It happened. All is safe. Look.",
    )

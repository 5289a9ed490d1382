"""Does every module keep to its layer, and does nothing load code or read settings where it should not?

The rules are those of the house: flows -> tasks -> probatum <- sources. They read the source text; nothing is imported.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("flows", "tasks", "sources", "probatum")
READERS = ("zipfile", "tarfile", "xml", "lxml", "defusedxml", "pypdfium2", "pdfplumber", "pdfminer", "pikepdf", "docx", "openpyxl", "unstructured")  # fmt: skip
HTTP = ("httpx", "httpx_retries", "requests", "urllib3", "urllib.request", "http.client", "aiohttp", "ftplib", "smtplib")  # fmt: skip
SAFE_INPUT = {
    "probatum/safeio/archives.py": ("zipfile",),
    "probatum/safeio/text.py": ("defusedxml",),
    "probatum/safeio/downloads.py": ("httpx",),
    "probatum/safeio/transport.py": ("httpx", "httpx_retries"),
    "tasks/server.py": ("httpx",),  # what Prefect's own client raises
}
AWS = ("boto3", "botocore", "s3transfer")
ENCODING = ("torch", "sentence_transformers", "transformers", "peft", "tokenizers", "safetensors")
TRAINING = ("probatum/training/", "probatum/adapters/")
TABLES = ("lancedb", "lance", "pylance")
CAN_WRITE = tuple(f"probatum.{name}" for name in ("store", "publish", "pipeline", "candidates", "snapshots", "quarantine", "journal", "looks", "upkeep", "maintenance", "drift.queries", "drift.recording", "drift.ledger"))  # fmt: skip
UNSAFE_MODULES = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle")
UNSAFE_CALLS = ("eval", "exec", "compile", "__import__", "yaml.load", "yaml.unsafe_load", "torch.load", "os.system", "os.popen")  # fmt: skip
UNSAFE_ARGUMENTS = ("shell", "trust_remote_code", "allow_pickle")


@dataclass(frozen=True)
class Import:
    name: str  # dotted, with what is taken from the module: "probatum.release.Releases"
    lazy: bool  # inside a function

    def is_of(self, *modules: str) -> bool:
        return any(self.name == module or self.name.startswith(module + ".") for module in modules)


@dataclass(frozen=True)
class Module:
    path: str  # "probatum/search.py"
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(_imports(self.tree, lazy=False))

    @property
    def layer(self) -> str:
        return self.path.split("/")[0]

    @property
    def is_command_line(self) -> bool:
        """The commands have grown into several modules: cli.py, cli_setup.py, …"""
        return self.path.startswith("probatum/cli")

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def takes(self, *modules: str) -> Iterator[str]:
        return (each.name for each in self.imports if each.is_of(*modules))

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))


def _imports(node: ast.AST, *, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, lazy) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative imports hide the layer"
            yield from (Import(f"{child.module}.{alias.name}", lazy) for alias in child.names)
        else:
            yield from _imports(child, lazy=lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))


def the_library_knows_no_layer_above_it(module: Module) -> Iterator[str]:
    """The command line may start a flow, and ask for a source by name: it imports them inside the command."""
    if module.layer == "probatum":
        above = [each for each in module.imports if each.is_of("prefect", "flows", "tasks", "sources")]
        yield from (
            each.name for each in above if not (module.is_command_line and each.lazy and not each.is_of("prefect"))
        )


def sources_know_only_how_to_read(module: Module) -> Iterator[str]:
    if module.layer == "sources":
        seen = ("store", "tables", "search", "publish", "pipeline", "encoder", "release", "candidates")
        yield from module.takes(
            "prefect", "tasks", "flows", *TABLES, *ENCODING, *(f"probatum.{name}" for name in seen), *HTTP
        )


def tables_are_opened_in_one_place(module: Module) -> Iterator[str]:
    if module.path not in ("probatum/store.py", "probatum/tables.py", "probatum/upkeep.py"):
        yield from module.takes(*TABLES)


def vectors_are_made_in_one_place(module: Module) -> Iterator[str]:
    """Besides the encoder, only the rooms of training and of adapters know what a tensor is."""
    if module.path != "probatum/encoder.py" and not module.path.startswith(TRAINING):
        yield from module.takes(*ENCODING)


def training_touches_no_table_and_no_release(module: Module) -> Iterator[str]:
    """It runs where there is no LanceDB, and can publish nothing."""
    if module.path.startswith(TRAINING):
        yield from module.takes("probatum.store", "probatum.tables", "probatum.publish", "probatum.pipeline")


def only_sources_and_safe_input_read_what_strangers_send(module: Module) -> Iterator[str]:
    """Safe input has one module a subject: the one that reads archives does not ask the network."""
    if module.layer != "sources":
        yield from module.takes(*(name for name in (*READERS, *HTTP) if name not in SAFE_INPUT.get(module.path, ())))


def buckets_and_queues_are_asked_in_one_place(module: Module) -> Iterator[str]:
    if module.path != "probatum/objects/aws.py":
        yield from module.takes(*AWS)


def the_environment_is_read_in_settings_only(module: Module) -> Iterator[str]:
    """One module of the command line sets switches of Prefect's own before it imports it."""
    if module.path not in ("probatum/settings.py", "probatum/cli_prefect.py"):
        yield from (
            f"os.{node.attr}"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "putenv")
        )
        yield from module.takes("os.environ", "os.getenv")


def tasks_import_no_task(module: Module) -> Iterator[str]:
    if module.layer == "tasks":
        yield from (each.name for each in module.imports if each.is_of("tasks") and _holds_a_task(each))


def _holds_a_task(imported: Import) -> bool:
    path = ROOT / "tasks" / f"{imported.name.split('.')[1]}.py"
    return not path.exists() or "@task" in path.read_text("utf-8")


def flows_touch_no_file_table_or_vector(module: Module) -> Iterator[str]:
    if module.layer == "flows":
        allowed = ("prefect", "tasks", "flows", *(f"probatum.{name}" for name in ("errors", "locks", "outcome", "settings")))  # fmt: skip
        yield from (each.name for each in module.imports if not each.is_of(*allowed))
        yield from (name for call in module.calls() if (name := ast.unparse(call.func)) == "open")


def nothing_executable_is_loaded(module: Module) -> Iterator[str]:
    yield from module.takes(*UNSAFE_MODULES)
    for call in module.calls():
        if (name := ast.unparse(call.func)) in UNSAFE_CALLS:
            yield name
        for argument in call.keywords:
            if argument.arg in UNSAFE_ARGUMENTS and not (
                isinstance(argument.value, ast.Constant) and argument.value.value is False
            ):
                yield f"{argument.arg}={ast.unparse(argument.value)}"


def no_error_is_swallowed(module: Module) -> Iterator[str]:
    """A broad `except` may tidy up, but raises again."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            if caught in ("Exception", "BaseException", "everything") and not isinstance(node.body[-1], ast.Raise):
                yield f"except {caught}"


RULES = (
    the_library_knows_no_layer_above_it,
    sources_know_only_how_to_read,
    tables_are_opened_in_one_place,
    vectors_are_made_in_one_place,
    training_touches_no_table_and_no_release,
    only_sources_and_safe_input_read_what_strangers_send,
    buckets_and_queues_are_asked_in_one_place,
    the_environment_is_read_in_settings_only,
    tasks_import_no_task,
    flows_touch_no_file_table_or_vector,
    nothing_executable_is_loaded,
    no_error_is_swallowed,
)
MODULES = tuple(
    Module(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
    for layer in LAYERS
    for path in sorted((ROOT / layer).rglob("*.py"))
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule):
    """P52: the layers of the house are as they are described."""
    broken = {module.path: names for module in MODULES if (names := list(rule(module)))}
    assert broken == {}


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (the_library_knows_no_layer_above_it, "probatum/search.py", "from tasks.fetch import fetch"),
        (the_library_knows_no_layer_above_it, "probatum/search.py", "def f():\n    from sources import base"),
        (the_library_knows_no_layer_above_it, "probatum/cli.py", "from flows import refresh"),
        (the_library_knows_no_layer_above_it, "probatum/cli.py", "def f():\n    import prefect"),
        (sources_know_only_how_to_read, "sources/icd10.py", "from probatum import store"),
        (sources_know_only_how_to_read, "sources/icd10.py", "import torch.nn"),
        (tables_are_opened_in_one_place, "probatum/search.py", "from lancedb.query import MatchQuery"),
        (vectors_are_made_in_one_place, "tasks/write.py", "def f():\n    import sentence_transformers"),
        (vectors_are_made_in_one_place, "probatum/search.py", "import peft"),
        (training_touches_no_table_and_no_release, "probatum/training/pairs.py", "from probatum.store import Store"),
        (training_touches_no_table_and_no_release, "probatum/adapters/a.py", "from probatum import publish"),
        (only_sources_and_safe_input_read_what_strangers_send, "probatum/snapshots.py", "import zipfile"),
        (only_sources_and_safe_input_read_what_strangers_send, "tasks/fetch.py", "from urllib.request import urlopen"),
        (only_sources_and_safe_input_read_what_strangers_send, "probatum/safeio/archives.py", "import httpx"),
        (only_sources_and_safe_input_read_what_strangers_send, "probatum/safeio/downloads.py", "import xml.etree"),
        (
            buckets_and_queues_are_asked_in_one_place,
            "probatum/objects/s3.py",
            "from botocore.exceptions import ClientError",
        ),
        (the_environment_is_read_in_settings_only, "probatum/encoder.py", "import os\nos.environ['A']"),
        (the_environment_is_read_in_settings_only, "flows/refresh.py", "from os import getenv"),
        (tasks_import_no_task, "tasks/write.py", "from tasks.parse import parse"),
        (flows_touch_no_file_table_or_vector, "flows/refresh.py", "from pathlib import Path"),
        (flows_touch_no_file_table_or_vector, "flows/refresh.py", "from probatum.store import Store"),
        (flows_touch_no_file_table_or_vector, "flows/refresh.py", "open('a')"),
        (nothing_executable_is_loaded, "probatum/files.py", "import pickle"),
        (nothing_executable_is_loaded, "probatum/files.py", "eval('1')"),
        (nothing_executable_is_loaded, "probatum/files.py", "yaml.load(stream)"),
        (nothing_executable_is_loaded, "probatum/files.py", "run('ls', shell=True)"),
        (nothing_executable_is_loaded, "probatum/files.py", "load(a, trust_remote_code=chosen)"),
        (no_error_is_swallowed, "probatum/files.py", "try:\n    f()\nexcept Exception:\n    pass"),
        (no_error_is_swallowed, "probatum/files.py", "try:\n    f()\nexcept:\n    g()"),
    ],
)
def test_a_rule_notices_when_it_is_broken(rule, path, source):
    assert list(rule(Module(path, source)))


def test_all_four_layers_are_looked_at():
    assert {module.layer for module in MODULES} == set(LAYERS)
    assert len(MODULES) > 50


def test_search_reaches_nothing_that_can_write():
    """P52: what answers questions imports, directly or through others, nothing that writes tables or releases."""
    assert _reached_from("probatum.search") & set(CAN_WRITE) == set()
    assert "probatum.tables" in _reached_from("probatum.search")
    assert set(CAN_WRITE) <= {module.name for module in MODULES}


def _reached_from(name: str) -> set[str]:
    modules = {module.name: module for module in MODULES}
    reached, waiting = set(), [name]
    while waiting:
        if (here := waiting.pop()) not in reached:
            reached.add(here)
            waiting += [other for other in modules if any(each.is_of(other) for each in modules[here].imports)]
    return reached


def test_expectations_hold_no_code():
    assert list((ROOT / "expectations").rglob("*.py")) == []


def test_the_command_line_starts_without_what_only_some_commands_need():
    """P52: `probatum --help` and a look at the journal wait for no table, no model and no server."""
    heavy = ("lancedb", "pyarrow", "pandas", "scipy", "torch", "sentence_transformers", "great_expectations", "prefect")
    asked = f"import sys, probatum.cli; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")

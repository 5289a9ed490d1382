"""Is it known what a build is made of: every file by its sha256, every package in a list, and nothing named that moves?"""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import cyclonedx.schema
import jsonschema
import pytest
from referencing import Registry, Resource

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
HASHES = (ROOT / "requirements.hashes").read_text("utf-8")
DIGEST = "sha256:" + "0" * 64


def script(name: str):
    spec = importlib.util.spec_from_file_location(f"deploy_{name}", ROOT / "deploy" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sbom, hashes, pinned = script("sbom"), script("hashes"), script("pinned")


@pytest.fixture(scope="module")
def bill() -> dict:
    done = subprocess.run(
        [sys.executable, "deploy/sbom.py", "requirements.lock", "--hashes", "requirements.hashes", "--commit", "c0de"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_bill_of_materials_names_every_package_of_the_lock_with_version_licence_and_sha256(bill):
    """P41: of a build, with the commit it is of; what only developers have is marked as not shipped."""
    shipped = {sbom.normal(each["name"]): each for each in bill["components"] if each["scope"] == "required"}
    locked = sbom.locked(LOCK)
    assert {name: each["version"].partition("+")[0] for name, each in shipped.items()} == locked
    assert all(each["licenses"] for each in bill["components"])
    assert {name for name, each in shipped.items() if "hashes" not in each} == {"torch"}
    assert next(each["scope"] for each in bill["components"] if each["name"] == "pytest") == "excluded"
    assert bill["metadata"]["component"]["properties"] == [{"name": "commit", "value": "c0de"}]


def test_the_bill_of_materials_is_valid_by_the_schema_of_cyclonedx(bill):
    folder = Path(cyclonedx.schema.__file__).parent / "_res"
    schemas = [json.loads(path.read_text("utf-8")) for path in folder.glob("*.schema.json")]
    known = Registry().with_resources((each["$id"], Resource.from_contents(each)) for each in schemas)
    schema = json.loads((folder / "bom-1.6.SNAPSHOT.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft7Validator(schema, registry=known)
    assert [error.message for error in validator.iter_errors(bill)] == []
    broken = bill | {"components": [{**bill["components"][0], "scope": "shipped"}]}
    assert list(validator.iter_errors(broken))


def test_the_same_environment_gives_the_same_bill(bill):
    assert sbom.bill(LOCK, HASHES, "c0de") == bill


def test_an_environment_that_is_not_the_locks_has_no_bill():
    other = re.sub(r"^typer==\S+", "typer==0.0.1", LOCK, flags=re.M) + "never-heard-of-it==1.0\n"
    with pytest.raises(ValueError, match=r"never-heard-of-it is missing, the lock says 1\.0; typer is .*says 0\.0\.1$"):
        sbom.bill(other)


def test_every_file_of_the_lock_but_torch_is_held_to_its_sha256():
    """P41: torch is one of two files of one version, which the site chooses; the image takes no other file of anything else."""
    held = dict(re.findall(r"^(\S+)==(\S+) --hash=sha256:[0-9a-f]{64}$", HASHES, re.M))
    assert len(held) == len(HASHES.splitlines())
    locked = sbom.locked(LOCK)
    assert locked.pop("torch")
    assert {sbom.normal(name): version for name, version in held.items()} == locked
    assert "--require-hashes --no-deps -r requirements.hashes" in (ROOT / "deploy" / "Dockerfile").read_text("utf-8")


def test_what_developers_install_is_what_ships_and_more():
    shipped, developed = sbom.locked(LOCK), sbom.locked((ROOT / "requirements-dev.lock").read_text("utf-8"))
    assert shipped.items() <= developed.items()


def test_a_file_whose_sha256_pip_did_not_learn_is_not_left_out_silently():
    known = {
        "metadata": {"name": "a", "version": "1"},
        "download_info": {"archive_info": {"hashes": {"sha256": "0" * 64}}},
    }
    torch = {"metadata": {"name": "torch", "version": "2"}, "download_info": {}}
    assert hashes.lines({"install": [known, torch]}) == [f"a==1 --hash={DIGEST}"]
    with pytest.raises(ValueError, match="no sha256 of b"):
        hashes.lines({"install": [known, {"metadata": {"name": "b", "version": "1"}, "download_info": {}}]})


@pytest.mark.parametrize(
    "line",
    [
        "    image: postgres:17",
        "  - image: postgres",
        "FROM python:3.11-slim",
        "FROM --platform=linux/amd64 python:3.11",
        "PROBATUM_IMAGE=registry.example/probatum:latest",
        "ARG BASE=python:3.11",
        '   "image": "probatum@sha256:12",',
        "        branch: main",
        "        tag: v1",
    ],
)
def test_a_deployment_file_with_a_floating_tag_or_a_branch_fails_the_check(line, tmp_path):
    """P41: before anything is deployed; it names the file and the line."""
    file = tmp_path / "site.yaml"
    file.write_text(f"# ours\n{line}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "pinned.py"), str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and done.stderr.startswith("site.yaml:2: the ")


@pytest.mark.parametrize(
    "line",
    [
        f"image: postgres@{DIGEST}",
        "image: ${PROBATUM_IMAGE:?}",
        "FROM ${BASE}",
        '"image": "{{ image }}"',
        "IMAGE=",
        "commit_sha: c0de",
    ],
)
def test_a_digest_a_commit_and_a_blank_to_be_filled_in_pass(line):
    assert list(pinned.floating(line)) == []


def test_our_own_deployment_files_name_nothing_that_moves():
    """P41: Compose, Kubernetes, the image and prefect.yaml; the check is part of `make lint`."""
    assert pinned.main([str(ROOT / "deploy"), str(ROOT / "prefect.yaml")]) == 0
    read = {path.name for path in pinned.files([str(ROOT / "deploy")])}
    assert {"compose.yaml", "compose.env.example", "Dockerfile", "probatum.yaml", "cpu-job.json"} <= read
    assert "deploy/pinned.py deploy prefect.yaml" in (ROOT / "Makefile").read_text("utf-8")


def test_deployments_are_of_a_commit():
    """P41: each deployment's version is the commit it was made from."""
    text = (ROOT / "prefect.yaml").read_text("utf-8")
    assert text.count('version: "{{ commit.stdout }}"') == text.count("    entrypoint: ") > 0

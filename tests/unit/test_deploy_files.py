"""Are the files under deploy/ what their readers will accept: systemd, Compose, Kubernetes, Prefect; and is every image pinned?"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
TEMPLATES = sorted((DEPLOY / "kubernetes").glob("*-job.json"))
IMAGE = "probatum@sha256:" + "0" * 64
KUBERNETES = "1.31"


def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def manifests() -> list[dict]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / "probatum.yaml").read_text("utf-8")))


def job(path: Path) -> dict:
    """The job that Prefect makes of a template, as it does for a run."""
    from prefect.utilities.templating import apply_values
    from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

    template = json.loads(path.read_text("utf-8"))
    said = {
        name: each.get("default") for name, each in template["variables"]["properties"].items() if "default" in each
    }
    said |= {"image": IMAGE, "command": "prefect flow-run execute"}
    made = KubernetesWorkerJobConfiguration(**apply_values(template["job_configuration"], said, remove_notset=True))
    made.prepare_for_flow_run(_flow_run())
    return made.job_manifest


def _flow_run():
    from prefect.client.schemas.objects import FlowRun

    return FlowRun(flow_id="00000000-0000-0000-0000-000000000001", name="refresh-icd10")


def valid(manifest: dict) -> None:
    import kubernetes_validate

    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_reads_every_unit_without_a_complaint(path, tmp_path):
    """Commands and files it names are of another machine; everything else has to be right."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze here")
    unit = tmp_path / path.name.replace("@.", "@cpu.")
    true = shutil.which("true")
    unit.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={true}", path.read_text("utf-8"), flags=re.M), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60
    )
    told = [line for line in done.stderr.splitlines() if unit.name in line]
    assert done.returncode == 0 or not told, done.stderr
    assert not told, told


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_no_unit_runs_as_root_or_holds_a_secret(path):
    """P39: secrets come from files of their own."""
    text = path.read_text("utf-8")
    assert (
        re.search(r"^User=(?!root)\w+", text, re.M) and "NoNewPrivileges=yes" in text and "ProtectSystem=strict" in text
    )
    assert not re.search(r"(AUTH_STRING|PASSWORD|SECRET)\S*=", text)


def test_every_image_is_a_variable_that_has_to_be_filled_in():
    """P41: none is named by a tag that floats; Compose stops when one is not given."""
    for name, service in compose()["services"].items():
        assert re.match(r"\$\{\w+_IMAGE:\?", service["image"]), name
    said = (DEPLOY / "compose.env.example").read_text("utf-8")
    asked = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text("utf-8")))
    assert asked == set(re.findall(r"^(\w+)=$", said, re.M))
    assert "FROM ${BASE}" in (DEPLOY / "Dockerfile").read_text("utf-8")


def test_compose_publishes_nothing_beyond_this_machine():
    for service in compose()["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_compose_starts_what_a_site_needs():
    services = compose()["services"]
    assert {"postgres", "redis", "server", "services", "worker", "gpu-worker", "alerts", "drops"} == set(services)
    assert services["worker"]["command"][-1] == "cpu" and services["gpu-worker"]["command"][-1] == "gpu"
    assert services["server"]["environment"]["PREFECT_SERVER_API_AUTH_STRING"].startswith("${PREFECT_AUTH")
    volumes = {mount.partition(":")[0] for each in services.values() for mount in each.get("volumes", [])}
    assert volumes == set(compose()["volumes"])


def test_every_setting_of_the_environment_files_is_one():
    """A setting that nobody knows is silently ignored by Prefect."""
    from prefect.settings import Settings
    from prefect_redis.messaging import RedisMessagingConsumerSettings  # noqa: F401

    known = {name.upper() for name in _names_of(Settings)}
    lines = [line for name in ("server.env", "worker.env") for line in (DEPLOY / name).read_text("utf-8").splitlines()]
    names = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    ours = {name for name in names if not name.startswith("PREFECT_REDIS_")} - {"DO_NOT_TRACK", "PROBATUM_HOME"}
    assert ours <= known, ours - known


def _names_of(model, prefix: str = "prefect") -> set[str]:
    from pydantic import AliasChoices, BaseModel

    found = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= _names_of(inner, f"{prefix}_{name}")
            continue
        alias = field.validation_alias
        found |= (
            {choice for choice in alias.choices if isinstance(choice, str)}
            if isinstance(alias, AliasChoices)
            else set()
        )
        found.add(f"{prefix}_{name}")
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_the_job_of_a_run_is_one_that_kubernetes_takes(path):
    manifest = job(path)
    valid(manifest)
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    assert (
        container["securityContext"]["readOnlyRootFilesystem"]
        and not container["securityContext"]["allowPrivilegeEscalation"]
    )
    assert ("nvidia.com/gpu" in container["resources"]["limits"]) == path.name.startswith("gpu")
    assert "{{" not in json.dumps(manifest)


@pytest.mark.parametrize("manifest", manifests(), ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_every_object_for_the_cluster_is_one_that_kubernetes_takes(manifest):
    valid(manifest)


def test_the_worker_may_make_jobs_and_read_no_secrets():
    """P38: the worker's account has the least that it needs, and only in its own namespace."""
    (role,) = [each for each in manifests() if each["kind"] == "Role"]
    resources = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert resources == {"jobs", "pods", "pods/log", "pods/status", "events"}
    assert {each["kind"] for each in manifests()}.isdisjoint({"ClusterRole", "ClusterRoleBinding", "Secret"})

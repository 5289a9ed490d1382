"""Writes the bill of materials of a build: every package that is installed beside this script, as CycloneDX 1.6.

    python deploy/sbom.py requirements.lock --hashes requirements.hashes --commit 25644d3…  > sbom.cdx.json
    {"bomFormat": "CycloneDX", …, "components": [{"name": "prefect", "version": "3.8.8", "licenses": […], …}, …]}

What the lock names is required; what is installed beyond it (the tools of developers) is marked as excluded from what ships.
The same environment gives the same bytes. It ends with 1, and writes nothing, where the lock and the environment differ: then
the list would be of another build. Licences are what the packages say of themselves; nobody here has read them.
"""

import argparse
import json
import re
import sys
import uuid
from importlib import metadata
from pathlib import Path

OURS = "probatum"
_LONGEST_NAME = 80  # some packages put the whole text of their licence where its name belongs
_NOT_SAID = "not said by the package"


def bill(lock: str, hashes: str = "", commit: str = "") -> dict:
    """The bill of this environment. Raises ValueError with every package that is not installed as the lock says."""
    wanted, known = locked(lock), hashed(hashes)
    installed = {normal(each.metadata["Name"]): each for each in metadata.distributions()}
    ours = installed.pop(OURS, None)
    differ = [
        f"{name} is {_version(installed[name]) if name in installed else 'missing'}, the lock says {version}"
        for name, version in sorted(wanted.items())
        if name not in installed or _version(installed[name]) != version
    ]
    if differ:
        raise ValueError("; ".join(differ))
    components = [
        _component(each, required=name in wanted, sha256=known.get(name, ""))
        for name, each in sorted(installed.items())
    ]
    application = {"type": "application", "name": OURS, "version": ours.version if ours else "0", "bom-ref": OURS}
    if commit:
        application["properties"] = [{"name": "commit", "value": commit}]
    content = json.dumps([application, components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {"component": application},
        "components": components,
    }


def locked(text: str) -> dict[str, str]:
    """{package: version} of a lock."""
    pairs = (line.split("==") for line in text.splitlines() if "==" in line and not line.startswith("#"))
    return {normal(name): version.split()[0] for name, version in pairs}


def hashed(text: str) -> dict[str, str]:
    """{package: sha256 of the file it is installed from}."""
    return {normal(name): found for name, found in re.findall(r"^(\S+)==\S+ --hash=sha256:([0-9a-f]{64})$", text, re.M)}


def normal(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(package: metadata.Distribution) -> str:
    return package.version.partition("+")[0]  # 2.13.0+cpu is a build of 2.13.0


def _component(package: metadata.Distribution, *, required: bool, sha256: str) -> dict:
    address = f"pkg:pypi/{normal(package.metadata['Name'])}@{package.version.replace('+', '%2B')}"
    made = {
        "type": "library",
        "bom-ref": address,
        "name": package.metadata["Name"],
        "version": package.version,
        "scope": "required" if required else "excluded",
        "licenses": _licences(package.metadata),
        "purl": address,
    }
    return made | ({"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {})


def _licences(said) -> list[dict]:
    """An SPDX expression where there is one; else the names a package is listed under, else what it wrote itself."""
    if expression := said.get("License-Expression"):
        return [{"expression": expression}]
    listed = [each.rpartition(" :: ")[2] for each in said.get_all("Classifier") or () if each.startswith("License ::")]
    wrote = (said.get("License") or "").strip()
    own = [wrote] if wrote and "\n" not in wrote and len(wrote) <= _LONGEST_NAME else []
    return [{"license": {"name": name}} for name in sorted(set(listed)) or own or [_NOT_SAID]]


def main() -> int:
    asked = argparse.ArgumentParser(description="Write the bill of materials of this environment.")
    asked.add_argument("lock", type=Path)
    asked.add_argument("--hashes", type=Path)
    asked.add_argument("--commit", default="")
    said = asked.parse_args()
    hashes = said.hashes.read_text("utf-8") if said.hashes else ""
    try:
        made = bill(said.lock.read_text("utf-8"), hashes, said.commit)
    except ValueError as differ:
        print(f"This environment is not the one of {said.lock.name}: {differ}.", file=sys.stderr)
        return 1
    print(json.dumps(made, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())

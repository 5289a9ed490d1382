"""The sources there are, by name, and the function that reads one unit of a snapshot inside the sandbox."""

from pathlib import Path

from probatum.errors import Misconfigured
from probatum.files import sync_folder, write_json
from probatum.records import SourceRelease, report_beside, write_documents
from sources.as_data import all_as_data
from sources.base import Source
from sources.formulary import Formulary
from sources.guidelines import Guidelines
from sources.icd10 import Icd10

_CODE_SETS = ("icd10",)  # half a minute for 43 million characters that no owner of a file wrote
SOURCES: dict[str, Source] = {source.name: source for source in (Icd10(), Formulary(), Guidelines())}


def source_named(name: str) -> Source:
    """Raises Misconfigured for an unknown name, naming those there are."""
    try:
        return SOURCES[name]
    except KeyError:
        raise Misconfigured(
            f"There is no source {name!r}.", safe="Nothing was fetched.", next=f"Sources: {', '.join(SOURCES)}."
        ) from None


def read_unit(unit: dict) -> None:
    """Parse one unit {"source", "release", "files": {name: path}, "output"} into a file of documents.

    Beside it, `<output>.report.json`: {"dropped": {what: how many}, "said": what the publisher says of the release}.
    """
    from datetime import date

    release = SourceRelease(**(unit["release"] | {"valid_from": date.fromisoformat(unit["release"]["valid_from"])}))
    source, output = source_named(unit["source"]), Path(unit["output"])
    partial = output.with_suffix(".part")
    source.dropped, source.said = {}, {}
    try:
        documents = source.parse({name: Path(path) for name, path in unit["files"].items()}, release)
        write_documents(partial, all_as_data(documents, flagged=source.name not in _CODE_SETS))
        write_json(report_beside(output), {"dropped": dict(source.dropped), "said": dict(source.said)})
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(output.parent)

"""What of the release that serves stays, when a new one holds only a part of it (one plan of many).

    serves   plan-a.json: part A   plan-b.json: part B   plan-c.json: part C
    new      plan-b-october.json: part B
    ->  carried_over(…) == Carried(files=("plan-a.json", "plan-c.json"), parts=("A", "C"))

The rule: a release that says nothing of a part that serves carries it over, with a word (`Carried.words`), unless it is
complete. A folder and a drop zone are always complete: what is not there any more was taken away. A single file or
address may be a part; it is complete when it holds more than one part, or when whoever gave it says that it is the whole.
Documents without a part belong to whatever is newest and are never carried.

Whole files are carried, for files are what snapshots hold and what is read again. So a file must not be torn: where one
holds a part that is replaced beside one that is not, and where a new file has the name of one to be carried, nobody can
tell what was meant, and the release is refused. Files of which no document was read (the plans beside their drugs) belong to no
part; `beside` says which go along, and `read_otherwise` whether the composed snapshot gives what it should.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from probatum.errors import Rejected
from probatum.records import Document

_TOGETHER = "Put it into a folder with the files of all other parts, and give that folder."
_LABEL = "fda-spl"  # the format of FDA labels, one set of versions each
_SHOWN, _ID_CHARACTERS = 5, 80


@dataclass(frozen=True)
class Held:
    """Where one document belongs. part: "" where its source has none. file: of the snapshot, not of an archive in it."""

    part: str
    file: str


@dataclass(frozen=True)
class Carried:
    """Files of the former snapshot that the composed one needs, and the parts they hold; both in order."""

    files: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def words(self) -> str:
        """For outcome and receipt; "" when nothing was carried."""
        if not self.parts:
            return ""
        one = len(self.parts) == 1
        return (
            f"{len(self.parts)} part{'' if one else 's'} of which this release says nothing "
            f"{'stays as it is' if one else 'stay as they are'}: {_listed(self.parts)}."
        )


def of_document(document: Document) -> Held:
    return Held(_part(document.meta), document.file)


def of_row(row: Mapping) -> Held:
    """row: of the table of documents, with at least the columns file and meta (JSON)."""
    return Held(_part(orjson.loads(row["meta"])), row["file"])


def _part(meta: Mapping) -> str:
    """A plan, or a label that stands alone. A publisher's whole list, read by another map next time, is no part of anything."""
    stands_alone = bool(meta.get("plan")) or meta.get("format") == _LABEL
    return str(meta.get("part") or "") if stands_alone else ""


def is_whole(new: Iterable[Held], *, single_file: bool, said: bool = False) -> bool:
    """Whether a release is all there is. single_file: its origin is one file or one address. said: somebody says it is."""
    return said or not single_file or len({each.part for each in new}) != 1


def carried_over(
    serving: Iterable[Held], new: Iterable[Held], *, single_file: bool, said_whole: bool = False
) -> Carried:
    """What of the documents that serve has to be carried into a snapshot composed with the new release's files.

    Raises Rejected where a file would have to be torn, or two files would have one name.
    """
    serving, new = set(serving), set(new)
    if is_whole(new, single_file=single_file, said=said_whole):
        return Carried()
    replaced = {"", *(each.part for each in new)}
    files = {each.file for each in serving if each.part not in replaced}
    _refuse_torn({each for each in serving if each.file in files}, replaced)
    if clash := files & {each.file for each in new}:
        raise Rejected(
            f"{_listed(clash)} holds another part than the file of that name that serves: one may replace the other, or be beside it.",
            next="Give it a name of its own if it is beside it; if it replaces all that serves, put it alone into a folder.",
        )
    return Carried(tuple(sorted(files)), tuple(sorted({each.part for each in serving if each.file in files})))


def beside(carried: Carried, serving: Iterable[Held], former: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """Files of the former snapshot that gave no document and may be needed to read the carried ones again.

    former, new: the names of all files of either snapshot. One that the new release has too is the new release's.
    """
    if not carried.files:
        return ()
    return tuple(sorted(set(former) - {each.file for each in serving} - set(new)))


def read_otherwise(
    serving: Iterable[Held], new: Iterable[Held], composed: Iterable[Held], carried: Carried
) -> tuple[str, ...]:
    """The parts of which the composed snapshot gave more or fewer documents than it should; () when all is well.

    It should give the carried parts as they serve, and the new release as it was read alone. All need a Held for every document.
    """
    before = Counter(each.part for each in serving)
    wanted = Counter({part: before[part] for part in carried.parts})
    wanted.update(each.part for each in new)
    found = Counter(each.part for each in composed)
    return tuple(sorted(part for part in wanted | found if wanted[part] != found[part]))


def _refuse_torn(held: set[Held], replaced: set[str]) -> None:
    """held: all documents of the files to be carried."""
    if torn := {each.file for each in held if each.part in replaced}:
        raise Rejected(
            f"{_listed(torn)} holds {_listed({each.part for each in held if each.file in torn} & replaced - {''}) or 'documents of no part'}, "
            "which this release replaces, beside parts of which it says nothing; no file can be replaced by half.",
            next=_TOGETHER,
        )


def _listed(names: Iterable[str]) -> str:
    """The first few, each cut short: an id that went wrong may be a paragraph."""
    names = sorted(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name[:_ID_CHARACTERS] for name in names[:_SHOWN]) + more

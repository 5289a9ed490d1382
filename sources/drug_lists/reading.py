"""The files of a release sorted by kind, and each format's files given to its reader.

by_kind([Member("mp_full.csv", …), …])       -> {"ccdd-mp": [Member("mp_full.csv", …)], …}
read({"ccdd-mp": […], "ccdd-tm": […]}, …)    -> [Listed("00015741", "TAPAZOLE (methimazole 5 mg …) …", …), …]
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from probatum.errors import Rejected
from probatum.records import Document
from probatum.safeio import Limits
from sources.drug_lists import ccdd, dmd, fhir, qhp, spl
from sources.drug_lists.containers import Member
from sources.drug_lists.kinds import kind_of
from sources.drug_lists.model import Listed, Unused

_READERS = {"qhp": qhp.read, "fhir": fhir.read, "spl": spl.read, "ccdd": ccdd.read, "dmd": dmd.read}
ByKind = Mapping[str, Sequence[Member]]


def by_kind(members: Iterable[Member], limits: Limits, unused: Unused) -> dict[str, list[Member]]:
    """Raises Rejected for a file of no known kind."""
    found: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        kind = kind_of(member, limits)
        if kind == "schema":
            unused["files that describe a format"] += 1
        else:
            found[kind].append(member)
    return found


def read(members: ByKind, limits: Limits, unused: Unused) -> list[Listed]:
    """Every listed drug of every format. Raises Rejected where there are files and no drug in any."""
    listed: list[Listed] = []
    for format, reader in _READERS.items():
        mine = {kind: files for kind, files in members.items() if kind.partition("-")[0] == format}
        if not mine:
            continue
        before = len(listed)
        listed += reader(mine, limits, unused)
        if len(listed) == before:
            names = ", ".join(member.name for files in mine.values() for member in files[:3])
            raise Rejected(
                f"No drug is in {names}{' …' if sum(map(len, mine.values())) > 3 else ''}.",
                next="Send the files that hold the drugs beside them.",
            )
    return listed


def once(documents: Iterable[Document]) -> Iterable[Document]:
    """The documents, each id once. Raises Rejected where two files give one id, as two issues of a list would."""
    seen: dict[str, str] = {}
    for document in documents:
        where = document.meta.get("member") or document.file
        if document.id in seen:
            raise Rejected(
                f"{document.id[:80]} stands twice in this release, in {' and in '.join({seen[document.id]: 1, where: 1})}.",
                next="Give the files of one issue only, in a folder of their own.",
            )
        seen[document.id] = where
        yield document

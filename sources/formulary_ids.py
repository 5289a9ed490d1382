"""The id of every entry of a list: the publisher's where it gives one, else made of name and strength.

Entry(id="NGH-0001", …)                                   -> "NGH-0001"
Entry(generic="amoxicillin", strength="500 mg cap", …)    -> "amoxicillin-500-mg-cap", the same in every release
"""

from collections import Counter
from collections.abc import Iterable

from probatum import digests
from probatum.errors import Rejected
from sources.formulary_rows import Entry
from sources.formulary_text import slug


def identified(entries: Iterable[Entry]) -> list[tuple[str, Entry]]:
    """(id, entry), ids unique. Raises Rejected where the publisher's own ids are not.

    A made id that several rows share gets their brands; rows that are still alike are numbered in the order of their
    content, so that an id does not depend on where in the file a row stands.
    """
    entries = list(entries)
    _refuse_repeated_ids(entries)
    made = {i: _made_id(entry) for i, entry in enumerate(entries) if not entry.id}
    shared = Counter(made.values())
    for i, identity in made.items():
        if shared[identity] > 1 and entries[i].brands:
            made[i] = f"{identity}-{slug(' '.join(entries[i].brands))}"
    taken = {entry.id for entry in entries if entry.id}
    for i in sorted(made, key=lambda i: (made[i], _content(entries[i]), i)):
        identity, number = made[i], 2
        while made[i] in taken:
            made[i], number = f"{identity}-{number}", number + 1
        taken.add(made[i])
    return [(entry.id or made[i], entry) for i, entry in enumerate(entries)]


def _made_id(entry: Entry) -> str:
    kind = "" if entry.list == "formulary" else f" {entry.list}"
    return slug(f"{entry.generic} {entry.strength}{kind}")


def _content(entry: Entry) -> str:
    said = (entry.generic, entry.strength, entry.route, entry.drug_class, entry.criteria, entry.notes, entry.file)
    return digests.of_json([*said, *map(list, entry.extra)])


def _refuse_repeated_ids(entries: Iterable[Entry]) -> None:
    seen = Counter(entry.id for entry in entries if entry.id)
    twice = [identity for identity, count in seen.items() if count > 1]
    if twice:
        first = ", ".join(identity[:40] for identity in twice[:3]) + " …" * (len(twice) > 3)
        raise Rejected(
            f"{len(twice)} ids stand in more than one row: {first}.",
            next="Give every row an id of its own and send the file again.",
        )

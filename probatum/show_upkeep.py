"""What the commands of upkeep print, for people or for machines (see `probatum.show`)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from probatum.show import escape, json_line, say

if TYPE_CHECKING:
    from probatum.backup import Backup
    from probatum.drill import Drilled
    from probatum.maintenance import Maintained
    from probatum.purge import Purged
    from probatum.release import Manifest
    from probatum.scrub import Scrubbed
    from probatum.seals import Broken

_SHOWN = 20


def maintained(done: "Maintained", as_json: bool) -> None:
    if as_json:
        json_line(done.as_json())
        return
    if done.broken:
        _broken(done.broken)
        say("Nothing was deleted: what looks superfluous may be the last whole copy.")
        return
    for release, why in done.kept.items():
        say(f"kept     {escape(release)}  {escape(why)}")
    for release in done.expired:
        say(f"expired  {escape(release)}")
    for table in done.dropped:
        say(f"dropped  {escape(table)}, which no release needs")
    say(
        f"{done.versions} versions and {done.leftovers} leftovers removed, {done.bytes / 2**20:.1f} MiB freed, "
        f"{len(done.compacted)} tables compacted, {sum(done.looked_at.values()):,} files looked at, none damaged."
    )


def scrubbed(found: "Scrubbed", as_json: bool) -> None:
    if as_json:
        json_line(asdict(found))
        return
    _broken(found.broken)
    looked = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items())
    say(f"Looked at {looked}: {f'{len(found.broken)} damaged' if found.broken else 'all as written'}.")
    if found.unsealed:
        say(f"{found.unsealed} files of tables have no known digest yet; the next `probatum maintain` seals them.")


def kept(found: Mapping[str, Mapping], as_json: bool) -> None:
    if as_json:
        json_line(dict(found))
        return
    for release, note in found.items():
        say(f"{escape(release)}  kept by {escape(note['actor'])} on {escape(note['at'][:10])}: {escape(note['why'])}")
    if not found:
        say("No release is kept by name.")


def purged(done: "Purged", as_json: bool) -> None:
    if as_json:
        json_line(asdict(done))
        return
    say(f"Purged: {done.documents} documents, {done.files} files. Release {escape(done.serving or 'none')} serves.")
    for release in done.releases:
        say(f"ended    {escape(release)}, which held it")
    for path in done.left:
        say(f"[red]left[/]     {escape(path)}")
    say("Backups and drop zones are not reached: a backup is a home, so purge it there too (PROBATUM_HOME).")


def backed_up(taken: "Backup", as_json: bool) -> None:
    if as_json:
        json_line(asdict(taken))
        return
    say(
        f"Release {escape(taken.release)} backed up: {taken.files} files, {taken.bytes / 2**20:.1f} MiB, in {escape(taken.path)}."
    )


def drilled(done: "Drilled", as_json: bool) -> None:
    if as_json:
        json_line(asdict(done))
        return
    say(f"Restored aside: {done.files} files whole, {done.questions} golden questions answered as in the home.")


def restored(manifest: "Manifest", as_json: bool) -> None:
    if as_json:
        json_line({"release": manifest.id})
        return
    say(f"Release {escape(manifest.id)} serves from the restored home.")


def mended(done: Sequence[str], left: Sequence[str], as_json: bool) -> None:
    if as_json:
        json_line({"mended": list(done), "damaged": list(left)})
        return
    for path in done:
        say(f"mended   {escape(path)}")
    for path in left:
        say(f"damaged  {escape(path)}")
    say(f"{len(done)} files put back, {len(left)} are still damaged.")


def _broken(broken: Sequence["Broken"]) -> None:
    from probatum.scrub import mended_by

    for each in broken[:_SHOWN]:
        say(f"[red]damaged[/]  {escape(each.path)} {escape(each.what)}\n         {escape(mended_by(each.path))}")
    if len(broken) > _SHOWN:
        say(f"… and {len(broken) - _SHOWN} more")

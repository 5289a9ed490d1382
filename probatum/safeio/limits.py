"""What an input may cost, and what to say to who sent one that costs more."""

from dataclasses import dataclass

MIB = 1024 * 1024
ASK_AGAIN = "Ask the publisher or the data owner for a sound copy and run the refresh again."


@dataclass(frozen=True)
class Limits:
    """What an input may cost. Beyond any of these it is refused, whatever it holds."""

    file_bytes: int = 200 * MIB  # the largest official zip seen is 20 MB
    total_bytes: int = 1024 * MIB
    files: int = 5_000
    unpacked_bytes: int = 400 * MIB  # of one archive
    archive_ratio: int = 200  # zips of plain text reach 10 to 20
    archive_entries: int = 10_000
    pages: int = 2_000
    parse_seconds: int = 300  # one unit, wall clock
    parse_memory_bytes: int = 4096 * MIB  # address space of the reading process
    xml_depth: int = 200
    download_seconds: int = 1800  # one file, from the first byte to the last
    retry_seconds: float = 1.0  # before the first retry of a download; doubled for each further one

"""The names of all sources, in the registry's order, for flows, which know tasks and never a source.

every_source()  -> ("icd10", "formulary", "guidelines")
"""

from sources.registry import SOURCES


def every_source() -> tuple[str, ...]:
    return tuple(SOURCES)

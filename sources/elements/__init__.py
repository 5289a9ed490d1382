"""Guideline files read into one element model, whatever their format.

A module a format (pdf, docx, pptx, xlsx, html, markdown, text, table, tabs, json, xml), each with one function:

    read(path, limits) -> Reading(elements=[Title("Fluid", depth 2, page 3), NarrativeText(…), Table(…), …], …)

Elements are those of `unstructured.documents.elements`, so anything that works on unstructured's output works on
these; the reading itself is ours, because for clinical text unstructured loses what must not be lost (superscripts,
spanned cells, definition lists). `flatten` turns elements into the text and blocks of a Document.
"""

from probatum import settings as _settings  # noqa: F401  (turns telemetry off before unstructured is imported)

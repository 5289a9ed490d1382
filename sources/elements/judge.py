"""What a file is by its first bytes, against what its name says; before any reader touches it.

judge("sepsis.pdf", path, limits) -> ".pdf"         or Rejected: "sepsis.pdf is a web page, not a PDF."
"""

from pathlib import Path, PurePosixPath

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits, looks_like_html

_HEAD_BYTES = 4096
_PDF_WITHIN_BYTES = 1024  # a header may stand behind some bytes a mail gateway put before it
_KINDS = {
    "pdf": "a PDF",
    "zip": "a zip (such as DOCX)",
    "ole": "an old Office file",
    "html": "a web page",
    "picture": "a picture",
    "rtf": "a rich text file (RTF)",
    "gzip": "a compressed file",
    "text": "plain text",
}
_ALLOWED = {
    ".pdf": {"pdf"},
    ".docx": {"zip", "ole"},  # an encrypted one is an old Office file outside; its reader tells the two apart
    ".pptx": {"zip", "ole"},
    ".xlsx": {"zip", "ole"},
    ".html": {"html", "text"},
    ".md": {"text"},
    ".txt": {"text"},
    ".csv": {"text"},
    ".tsv": {"text"},
    ".json": {"text"},
    ".xml": {"text"},
    ".zip": {"zip"},
}
_FORMAT = {
    ".pdf": "a PDF",
    ".docx": "a Word document",
    ".pptx": "a set of slides",
    ".xlsx": "a workbook",
    ".html": "a web page",
    ".md": "Markdown",
    ".txt": "plain text",
    ".csv": "a table (CSV)",
    ".tsv": "a table (TSV)",
    ".json": "JSON",
    ".xml": "XML",
    ".zip": "a zip",
}
_OTHER = {  # endings people try, and what to do about them
    **dict.fromkeys((".docm", ".dotm"), "Save it as .docx, without its macros, and give that."),
    **dict.fromkeys((".xlsm", ".xltm", ".xlsb"), "Save it as .xlsx, without its macros, and give that."),
    **dict.fromkeys((".pptm", ".ppsm", ".potm"), "Save it as .pptx, without its macros, and give that."),
    ".doc": "Save it as .docx and give that.",
    ".xls": "Save it as .xlsx and give that.",
    ".ppt": "Save it as .pptx and give that.",
    ".rtf": "Save it as .docx and give that.",
    ".odt": "Save it as .docx and give that.",
}
_MOST_TEXT_BYTES = 32 << 20  # of formats that are text; the largest guideline seen has half a megabyte


def judge(name: str, path: Path, limits: Limits) -> str:
    """The format of a file as its ending (".htm" is ".html"). Raises Rejected."""
    suffix = PurePosixPath(name).suffix.lower().replace(".htm", ".html").replace(".htmll", ".html")
    if suffix not in _ALLOWED:
        otherwise = f"Give it as one of {', '.join(_ALLOWED)}."
        raise Rejected(f"{name} has an ending that is not read.", next=_OTHER.get(suffix, otherwise))
    size = path.stat().st_size
    allowed = min(limits.file_bytes, _MOST_TEXT_BYTES) if _ALLOWED[suffix] & {"text"} else limits.file_bytes
    if size > allowed:
        raise Rejected(
            f"{name} has {size >> 20} MiB ({allowed >> 20} allowed).",
            next="Split it, or check that it is a guideline.",
        )
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    kind = kind_of(head)
    if not size or (kind == "blank" and size <= _HEAD_BYTES):
        raise Rejected(f"{name} is empty.", next=ASK_AGAIN)
    if kind not in _ALLOWED[suffix] and kind != "blank":
        why = ", probably an error or sign-in page saved in its place" if kind == "html" else ""
        raise Rejected(
            f"{name} is {_KINDS[kind]}, not {_FORMAT[suffix]}{why}.",
            next="Get the file itself, or give it the ending of what it is.",
        )
    return suffix


def kind_of(head: bytes) -> str:
    if not head.strip(b"\xef\xbb\xbf \t\r\n\f\0"):
        return "blank"
    if b"%PDF-" in head[:_PDF_WITHIN_BYTES] and not looks_like_html(head):
        return "pdf"
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "ole"
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"BM")) and b"\0" in head:
        return "picture"
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    return "html" if looks_like_html(head) or looks_like_html(_without_prologue(head)) else "text"


def _without_prologue(head: bytes) -> bytes:
    """Behind an XML declaration and comments, which a page may start with."""
    head = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    while head.startswith((b"<?xml", b"<!--")):
        end = b"-->" if head.startswith(b"<!--") else b"?>"
        _, found, rest = head.partition(end)
        if not found:
            return b""
        head = rest.lstrip()
    return head

"""Safe input: archives, XML, text and downloads from people we do not control.

Everything here refuses before it suffers: an archive is judged by its directory before a byte is unpacked and by its
real bytes while it is; XML with a document type or an entity is refused outright; text must decode in an encoding
the publisher is known to use; a download is https (or loopback), from an allowed host, within size and time.
"""

from probatum.safeio.addresses import check_address, is_loopback
from probatum.safeio.archives import Archive, is_plain_name
from probatum.safeio.downloads import Answer, Known, download
from probatum.safeio.limits import ASK_AGAIN, MIB, Limits
from probatum.safeio.text import decode, looks_like_html, xml_events

__all__ = [
    "ASK_AGAIN",
    "MIB",
    "Answer",
    "Archive",
    "Known",
    "Limits",
    "check_address",
    "decode",
    "download",
    "is_loopback",
    "is_plain_name",
    "looks_like_html",
    "xml_events",
]

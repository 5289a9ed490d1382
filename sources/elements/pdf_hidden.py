"""Letters of a PDF page that nobody sees: white on white, without ink, or as good as transparent.

    unseen_among(page, {7: Suspect(ink=(255, 255, 255), boxes=[…])})  ->  {7}

Only letters that may be unseen (pale, transparent, or not painted) are looked at, and then in the picture of the page:
they are seen where something in or around them has another colour than theirs. So white letters on a blue bar are
read, and so is the text that was recognised behind the picture of a scanned page.
"""

import ctypes
import math
from dataclasses import dataclass, field

import numpy as np
import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfPage

_SCALE = 1.5  # pixels a point
_MOST_PIXELS = 4_000_000
_PALE = 225  # of 255 in every channel: may be the colour of paper
_ALIKE = 24  # of 255; nobody tells the two apart, and edges are smoothed
_SEEN_OPACITY = 26  # of 255
_AROUND_PT = 1.0
_NOT_PAINTED = (pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium_c.FPDF_TEXTRENDERMODE_CLIP)

Box = tuple[float, float, float, float]  # left, top, right, bottom, in points from the top left of the page as shown


@dataclass
class Suspect:
    """A text object that may not be seen: its ink (None: no ink at all), and where its letters stand."""

    ink: tuple[int, int, int] | None
    boxes: list[Box] = field(default_factory=list)


def suspect(handle) -> Suspect | None:
    """handle: a text object of pdfium."""
    if not handle:
        return None
    mode = pdfium_c.FPDFTextObj_GetTextRenderMode(handle)
    if mode in _NOT_PAINTED:
        return Suspect(None)
    red, green, blue, opacity = (ctypes.c_uint() for _ in range(4))
    stroked = mode in (pdfium_c.FPDF_TEXTRENDERMODE_STROKE, pdfium_c.FPDF_TEXTRENDERMODE_STROKE_CLIP)
    ask = pdfium_c.FPDFPageObj_GetStrokeColor if stroked else pdfium_c.FPDFPageObj_GetFillColor
    if not ask(handle, red, green, blue, opacity):
        return None
    if opacity.value < _SEEN_OPACITY:
        return Suspect(None)
    ink = red.value, green.value, blue.value
    return Suspect(ink) if min(ink) >= _PALE else None


def unseen_among(page: PdfPage, suspects: dict[int, Suspect]) -> set[int]:
    """The keys of those that are not seen: fewer than half of their letters stand out from what is around them."""
    if not suspects:
        return set()
    width, height = page.get_size()
    scale = min(_SCALE, math.sqrt(_MOST_PIXELS / max(width * height, 1.0)))
    picture = page.render(scale=scale, may_draw_forms=False).to_numpy()[:, :, :3].astype(np.int16)
    return {
        key
        for key, each in suspects.items()
        if 2 * sum(_stands_out(picture, box, scale, each.ink) for box in each.boxes) < len(each.boxes)
    }


def _stands_out(picture: np.ndarray, box: Box, scale: float, ink: tuple[int, int, int] | None) -> bool:
    left, top, right, bottom = box
    rows = slice(max(0, math.floor((top - _AROUND_PT) * scale)), max(0, math.ceil((bottom + _AROUND_PT) * scale)))
    columns = slice(max(0, math.floor((left - _AROUND_PT) * scale)), max(0, math.ceil((right + _AROUND_PT) * scale)))
    here = picture[rows, columns]
    if not here.size:
        return False  # beside the page
    if ink is None:
        return bool((here.max(axis=(0, 1)) - here.min(axis=(0, 1))).max() > _ALIKE)
    return bool(np.abs(here - np.array(ink[::-1], np.int16)).max() > _ALIKE)  # the picture has blue first

"""Write the embedded sample of guideline documents.

The sample belongs to an invented hospital, Northfield General Hospital. The texts lie in
``guideline_texts/`` in a small markup; this script sets each of them as PDF, DOCX, HTML or
Markdown, once for every release, beside a ``release.toml`` that lists them. Nothing here is
for clinical use.

    python sources/samples/make_guidelines.py [output folder]

Running it twice gives the same bytes: dates and identifiers are fixed, and so are the time
stamps inside the DOCX archives.

Markup, one block a line: ``##``/``###``/``####`` headings; ``- `` bullets; ``1. `` numbered
steps; ``| a | b |`` table rows, with the header rows above a ``|---|`` line, ``<`` joining a
cell to its left neighbour and ``^`` to the one above; ``Table: caption`` before a table;
``! `` a warning; ``: term :: meaning`` a definition; ``? summary :: text`` a folded note; any
other line is a paragraph. Inline: ``^x^`` superscript, ``~x~`` subscript, ``**x**`` bold.
"""

from __future__ import annotations

import datetime as dt
import html
import io
import re
import sys
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
TEXTS = HERE / "guideline_texts"
HOSPITAL = "Northfield General Hospital"
NOTICE = "Invented sample for software testing. Northfield General Hospital does not exist. Not for clinical use."
STAMP = dt.datetime(2026, 7, 1, 8, 0, 0)

RELEASES = {"2026-07": dt.date(2026, 7, 1), "2026-10": dt.date(2026, 10, 1)}

# Documents that only one of the releases holds (by number).
ONLY = {
    "NGH-PROT-015": "2026-07",
    "NGH-PROT-021": "2026-07",
    "NGH-PROT-058": "2026-10",
    "NGH-PROT-061": "2026-10",
}

SUPERSEDES = {"NGH-PROT-058": "NGH-PROT-015"}

# Entries of the later release for documents that it no longer holds.
GONE = {
    "2026-10": [
        {
            "number": "NGH-PROT-021",
            "status": "withdrawn",
            "withdrawn_on": dt.date(2026, 10, 1),
            "reason": (
                "Correction insulin given on its own is no longer used; see NGH-PROT-061 for "
                "insulin by variable rate infusion and NGH-PROT-022 for hypoglycaemia."
            ),
        },
        {
            "number": "NGH-PROT-015",
            "status": "superseded",
            "withdrawn_on": dt.date(2026, 10, 1),
            "superseded_by": "NGH-PROT-058",
            "reason": "Tenecteplase replaces alteplase for thrombolysis of ischaemic stroke.",
        },
    ]
}

# Documents revised in place: header fields and replacements, each found exactly once.
REVISIONS = {
    "2026-10": {
        "NGH-PROT-014": (
            {"version": "5", "effective": "2026-10-01", "review_by": "2028-10-01"},
            [
                (
                    "Give 10 units of soluble insulin with 25 g glucose (50 mL of 50% glucose or "
                    "125 mL of 20% glucose) intravenously over 15 minutes.",
                    "Give 5 units of soluble insulin with 25 g glucose (50 mL of 50% glucose or "
                    "125 mL of 20% glucose) intravenously over 30 minutes.",
                ),
                (
                    "Nebulised salbutamol 20 mg lowers potassium further",
                    "Nebulised salbutamol 10 mg lowers potassium further",
                ),
                (
                    "If the glucose before treatment is below 7.0 mmol/L, follow the insulin with "
                    "10% glucose at 50 mL/h for 5 hours.",
                    "If the glucose before treatment is below 8.0 mmol/L, follow the insulin with "
                    "10% glucose at 75 mL/h for 6 hours.",
                ),
                (
                    "Check capillary glucose at 15, 30 and 60 minutes and then hourly up to 6 hours.",
                    "Check capillary glucose at 15, 30, 60, 90 and 120 minutes and then hourly up to 12 hours.",
                ),
                (
                    "| Insulin with glucose | 10 units with 25 g | 15 minutes | 4 to 6 hours |",
                    "| Insulin with glucose | 5 units with 25 g | 15 minutes | 4 to 6 hours |",
                ),
                (
                    "| Salbutamol nebulised | 20 mg | 15 to 30 minutes | 4 to 6 hours |",
                    "| Salbutamol nebulised | 10 mg | 15 to 30 minutes | 4 to 6 hours |",
                ),
                (
                    "Calcium resonium is used only when the other measures are not available.",
                    "Sodium zirconium cyclosilicate 10 g three times a day for up to 72 hours is "
                    "the first choice of binder; calcium resonium is no longer stocked.",
                ),
            ],
        ),
        "NGH-PROT-042": (
            {"version": "4", "effective": "2026-10-01", "review_by": "2028-10-01"},
            [
                (
                    "Start vancomycin 125 mg by mouth every 6 hours for 10 days for a first "
                    "episode, whatever its severity.",
                    "Start fidaxomicin 200 mg by mouth every 12 hours for 10 days for a first "
                    "episode that is not life-threatening.",
                ),
                (
                    "For a first relapse give fidaxomicin 200 mg by mouth every 12 hours for 10 days.",
                    "For a relapse after fidaxomicin, infectious diseases decide between a vancomycin "
                    "taper and faecal microbiota transplant.",
                ),
                (
                    "| First episode | Vancomycin 125 mg every 6 hours | ^ |",
                    "| First episode | Fidaxomicin 200 mg every 12 hours | ^ |",
                ),
                (
                    "| First relapse | Fidaxomicin 200 mg every 12 hours | 10 days |",
                    "| First relapse | Vancomycin taper, on advice | 6 to 8 weeks |",
                ),
                (
                    "Isolation ends when the patient has had no diarrhoea for 48 hours",
                    "Isolation ends when the patient has had no diarrhoea for 72 hours",
                ),
            ],
        ),
    }
}


# --------------------------------------------------------------------------- reading the texts


@dataclass
class Block:
    kind: str
    text: str = ""
    level: int = 0
    items: list = field(default_factory=list)
    rows: list = field(default_factory=list)
    header: int = 0


@dataclass
class Doc:
    slug: str
    head: dict
    body: str
    blocks: list = field(default_factory=list)

    @property
    def number(self):
        return self.head["number"]

    @property
    def file(self):
        return f"{self.slug}.{self.head['format']}"

    @property
    def control(self):
        h = self.head
        return (
            f"{h['number']}, version {h['version']}. Effective {long_date(h['effective'])}; "
            f"review by {long_date(h['review_by'])}. Owner: {h['owner']}."
        )


def long_date(text):
    d = dt.date.fromisoformat(text)
    return f"{d.day} {d:%B} {d.year}"


def read(path):
    head, lines = {}, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            key, value = line[2:].split(":", 1)
            head[key.strip()] = value.strip()
        else:
            lines.append(line)
    return Doc(path.stem, head, "\n".join(lines).strip())


def revised(doc, release):
    change = REVISIONS.get(release, {}).get(doc.number)
    if not change:
        return doc
    fields, swaps = change
    body = doc.body
    for old, new in swaps:
        if body.count(old) != 1:
            raise SystemExit(f"{doc.number}: found {body.count(old)} times: {old}")
        body = body.replace(old, new)
    return replace(doc, head={**doc.head, **fields}, body=body)


def parse(body):
    blocks = []
    last = None
    for line in body.splitlines():
        line = line.strip()
        if not line:
            last = None
            continue
        if m := re.match(r"(#{2,4}) (.+)", line):
            last = Block("heading", m[2], len(m[1]) - 1)
        elif line.startswith("- ") or re.match(r"\d+\. ", line):
            kind = "bullets" if line.startswith("- ") else "steps"
            item = line.split(" ", 1)[1]
            if last and last.kind == kind:
                last.items.append(item)
                continue
            last = Block(kind, items=[item])
        elif line.startswith("|"):
            if not (last and last.kind == "table"):
                last = Block("table", last.text if last and last.kind == "caption" else "")
                if blocks and blocks[-1].kind == "caption":
                    blocks.pop()
                blocks.append(last)
            if re.fullmatch(r"[|\- ]+", line):
                last.header = len(last.rows)
            else:
                last.rows.append([c.strip() for c in line.strip("|").split("|")])
            continue
        elif line.startswith("Table: "):
            last = Block("caption", line[7:])
        elif line.startswith(": "):
            item = tuple(s.strip() for s in line[2:].split(" :: ", 1))
            if last and last.kind == "terms":
                last.items.append(item)
                continue
            last = Block("terms", items=[item])
        elif line.startswith("! "):
            last = Block("warning", line[2:])
        elif line.startswith("? "):
            summary, text = line[2:].split(" :: ", 1)
            last = Block("note", text, items=[summary])
        else:
            last = Block("para", line)
        blocks.append(last)
    for b in blocks:
        if b.kind == "table" and len({len(r) for r in b.rows}) != 1:
            raise SystemExit(f"uneven table: {b.rows}")
    return blocks


def spans(rows):
    """(row, column) -> (rows, columns) for the cells that start one."""
    out = {}
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            if cell in ("<", "^"):
                continue
            w = h = 1
            while c + w < len(row) and row[c + w] == "<":
                w += 1
            while r + h < len(rows) and rows[r + h][c] == "^":
                h += 1
            out[r, c] = (h, w)
    return out


INLINE = re.compile(r"(\*\*.+?\*\*|\^[^^ ]+\^|~[^~ ]+~)")


def inline(text):
    """Pieces of a text as (style, piece); style is '', 'b', 'sup' or 'sub'."""
    for piece in INLINE.split(text):
        if not piece:
            continue
        if piece.startswith("**"):
            yield "b", piece[2:-2]
        elif piece[0] == "^" and piece[-1] == "^" and len(piece) > 2:
            yield "sup", piece[1:-1]
        elif piece[0] == "~" and piece[-1] == "~" and len(piece) > 2:
            yield "sub", piece[1:-1]
        else:
            yield "", piece


# --------------------------------------------------------------------------- PDF


def write_pdf(doc, path):
    import reportlab
    from reportlab.lib import colors
    from reportlab.lib.enums import TA_LEFT
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import (
        BaseDocTemplate,
        Frame,
        ListFlowable,
        ListItem,
        PageTemplate,
        Paragraph,
        Spacer,
        Table,
        TableStyle,
    )

    fonts = Path(reportlab.__file__).parent / "fonts"
    if "Vera" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("Vera", str(fonts / "Vera.ttf")))
        pdfmetrics.registerFont(TTFont("VeraBd", str(fonts / "VeraBd.ttf")))
        pdfmetrics.registerFontFamily("Vera", normal="Vera", bold="VeraBd", italic="Vera", boldItalic="VeraBd")

    columns = int(doc.head.get("columns", "1"))
    outline = doc.head.get("outline", "no") == "yes"
    size = 8 if columns == 2 else 9
    body = ParagraphStyle("body", fontName="Vera", fontSize=size, leading=size * 1.4, spaceAfter=4, alignment=TA_LEFT)
    cell = ParagraphStyle("cell", parent=body, fontSize=size - 1, leading=(size - 1) * 1.3, spaceAfter=0)
    title = ParagraphStyle("title", parent=body, fontName="VeraBd", fontSize=15, leading=19, spaceAfter=6)
    heads = [
        ParagraphStyle(
            f"h{n}",
            parent=body,
            fontName="VeraBd",
            fontSize=size + 4 - n,
            leading=(size + 4 - n) * 1.3,
            spaceBefore=7,
            spaceAfter=3,
            keepWithNext=1,
        )
        for n in (1, 2, 3)
    ]
    warn = ParagraphStyle(
        "warn",
        parent=body,
        fontName="VeraBd",
        borderWidth=0.8,
        borderColor=colors.black,
        borderPadding=4,
        spaceBefore=6,
        spaceAfter=9,
    )
    small = ParagraphStyle("small", parent=body, fontSize=7, leading=9.5)

    def mark(text):
        tags = {"b": "b", "sup": "super", "sub": "sub"}
        return "".join(f"<{tags[s]}>{html.escape(p)}</{tags[s]}>" if s else html.escape(p) for s, p in inline(text))

    width, height = A4
    left, top, bottom = 18 * mm, 24 * mm, 20 * mm
    gap = 8 * mm
    usable = width - 2 * left
    frame_w = usable if columns == 1 else (usable - gap) / 2
    frame_h = height - top - bottom

    def story():
        out = [
            Paragraph(mark(doc.head["title"]), title),
            Paragraph(mark(doc.control), small),
            Paragraph(mark(NOTICE), small),
            Spacer(1, 4),
        ]
        for b in doc.blocks:
            if b.kind == "heading":
                p = Paragraph(mark(b.text), heads[b.level - 1])
                p.outline_level = b.level - 1
                out.append(p)
            elif b.kind in ("bullets", "steps"):
                kw = {"bulletType": "bullet", "start": "•"} if b.kind == "bullets" else {"bulletType": "1"}
                out.append(
                    ListFlowable(
                        [ListItem(Paragraph(mark(i), body)) for i in b.items],
                        leftIndent=13,
                        bulletFontName="Vera",
                        bulletFontSize=size,
                        **kw,
                    )
                )
            elif b.kind == "table":
                if b.text:
                    out.append(Paragraph(f"<b>Table.</b> {mark(b.text)}", small))
                starts = spans(b.rows)
                data = [
                    [
                        Paragraph(f"<b>{mark(c)}</b>" if r < b.header else mark(c), cell) if (r, k) in starts else ""
                        for k, c in enumerate(row)
                    ]
                    for r, row in enumerate(b.rows)
                ]
                n = len(b.rows[0])
                first = 0.28 if n > 2 else 0.4
                widths = [frame_w * 0.97 * first] + [frame_w * 0.97 * (1 - first) / (n - 1)] * (n - 1)
                style = [
                    ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("BACKGROUND", (0, 0), (-1, b.header - 1), colors.Color(0.88, 0.9, 0.93)),
                    ("TOPPADDING", (0, 0), (-1, -1), 2),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
                ]
                style += [
                    ("SPAN", (c, r), (c + w - 1, r + h - 1)) for (r, c), (h, w) in starts.items() if (h, w) != (1, 1)
                ]
                out += [Table(data, colWidths=widths, repeatRows=b.header, style=TableStyle(style)), Spacer(1, 7)]
            elif b.kind == "terms":
                out += [Paragraph(f"<b>{mark(t)}:</b> {mark(d)}", body) for t, d in b.items]
            elif b.kind == "note":
                out.append(Paragraph(f"<b>{mark(b.items[0])}.</b> {mark(b.text)}", body))
            else:
                out.append(Paragraph(mark(b.text), warn if b.kind == "warning" else body))
        return out

    class Template(BaseDocTemplate):
        seen = 0

        def afterFlowable(self, flowable):
            level = getattr(flowable, "outline_level", None)
            if outline and level is not None:
                self.seen += 1
                key = f"s{self.seen}"
                self.canv.bookmarkPage(key)
                self.canv.addOutlineEntry(flowable.getPlainText(), key, level, closed=level > 0)

    def build(total):
        buffer = io.BytesIO()

        def furniture(canvas, template):
            canvas.saveState()
            canvas.setFont("Vera", 7)
            canvas.drawString(left, height - 14 * mm, f"{HOSPITAL}  |  {doc.number}  |  {doc.head['title']}")
            canvas.line(left, height - 16 * mm, width - left, height - 16 * mm)
            canvas.line(left, 15 * mm, width - left, 15 * mm)
            canvas.drawString(left, 11 * mm, f"Version {doc.head['version']}  |  Invented sample, not for clinical use")
            canvas.drawRightString(width - left, 11 * mm, f"Page {canvas.getPageNumber()} of {total}")
            canvas.restoreState()

        frames = [Frame(left + k * (frame_w + gap), bottom, frame_w, frame_h, 0, 0, 0, 0) for k in range(columns)]
        t = Template(
            buffer,
            pagesize=A4,
            invariant=1,
            title=doc.head["title"],
            author=doc.head["owner"],
            subject=doc.number,
            creator=HOSPITAL + " (invented sample)",
        )
        t.addPageTemplates([PageTemplate("page", frames, onPage=furniture)])
        t.build(story())
        return t.page, buffer.getvalue()

    total, _ = build(0)
    path.write_bytes(build(total)[1])


# --------------------------------------------------------------------------- DOCX


def write_docx(doc, path):
    import docx
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    d = docx.Document()
    props = d.core_properties
    props.title, props.author, props.subject = doc.head["title"], doc.head["owner"], doc.number
    props.comments, props.created, props.modified = NOTICE, STAMP, STAMP
    props.last_modified_by, props.revision = doc.head["owner"], 1
    d.styles["Normal"].font.name, d.styles["Normal"].font.size = "Calibri", Pt(10.5)

    def runs(p, text, bold=False):
        for style, piece in inline(text):
            run = p.add_run(piece)
            run.bold = True if bold or style == "b" else None
            run.font.superscript = True if style == "sup" else None
            run.font.subscript = True if style == "sub" else None
        return p

    def page_field(p, code):
        for kind in ("begin", None, "end"):
            run = p.add_run()
            if kind:
                el = OxmlElement("w:fldChar")
                el.set(qn("w:fldCharType"), kind)
            else:
                el = OxmlElement("w:instrText")
                el.set(qn("xml:space"), "preserve")
                el.text = code
            run._r.append(el)

    def new_list():
        """A numbered list that starts again at 1."""
        numbering = d.part.numbering_part.element
        num_id = d.styles["List Number"].element.pPr.numPr.numId.val
        abstract = next(n for n in numbering.num_lst if n.numId == num_id).abstractNumId.val
        num = numbering.add_num(abstract)
        num.add_lvlOverride(ilvl=0).add_startOverride(1)
        return num.numId

    section = d.sections[0]
    section.header.paragraphs[0].text = f"{HOSPITAL}\t{doc.number}\tVersion {doc.head['version']}"
    foot = section.footer.paragraphs[0]
    foot.add_run("Invented sample, not for clinical use\t\tPage ")
    page_field(foot, "PAGE")
    foot.add_run(" of ")
    page_field(foot, "NUMPAGES")

    d.add_heading(doc.head["title"], 0)
    d.add_paragraph(doc.control)
    d.add_paragraph(NOTICE)
    for b in doc.blocks:
        if b.kind == "heading":
            d.add_heading("", b.level)
            runs(d.paragraphs[-1], b.text)
        elif b.kind == "bullets":
            for i in b.items:
                runs(d.add_paragraph(style="List Bullet"), i)
        elif b.kind == "steps":
            num_id = new_list()
            for i in b.items:
                p = runs(d.add_paragraph(style="List Number"), i)
                num_pr = p._p.get_or_add_pPr().get_or_add_numPr()
                num_pr.get_or_add_ilvl().val = 0
                num_pr.get_or_add_numId().val = num_id
        elif b.kind == "table":
            if b.text:
                d.add_paragraph(b.text, style="Caption")
            t = d.add_table(len(b.rows), len(b.rows[0]))
            t.style = "Table Grid"
            for (r, c), (h, w) in spans(b.rows).items():
                start = t.cell(r, c)
                if (h, w) != (1, 1):
                    start = start.merge(t.cell(r + h - 1, c + w - 1))
                p = start.paragraphs[0]
                runs(p, b.rows[r][c], bold=r < b.header)
                if w > 1:
                    p.alignment = WD_ALIGN_PARAGRAPH.CENTER
            for r in range(b.header):
                mark = OxmlElement("w:tblHeader")
                t.rows[r]._tr.get_or_add_trPr().append(mark)
            d.add_paragraph()
        elif b.kind == "terms":
            for term, meaning in b.items:
                runs(d.add_paragraph(), f"**{term}:** {meaning}")
        elif b.kind == "note":
            runs(d.add_paragraph(), f"**{b.items[0]}.** {b.text}")
        elif b.kind == "warning":
            runs(d.add_paragraph(style="Intense Quote"), b.text)
        else:
            runs(d.add_paragraph(), b.text)
    raw = io.BytesIO()
    d.save(raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = zipfile.ZipInfo(name, date_time=(2026, 7, 1, 8, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            target.writestr(info, source.read(name))


# --------------------------------------------------------------------------- HTML

ENTITIES = {"µ": "&micro;", "≤": "&le;", "≥": "&ge;", "–": "&ndash;", "°": "&deg;", "×": "&times;"}
DOSE = re.compile(r"\b(\d[\d.]*(?: to \d[\d.]*)? (?:mg|g|micrograms|µg|units|mmol|mL)(?:/[a-zA-Z]+)*)")


def write_html(doc, path):
    def escape(text):
        return "".join(ENTITIES.get(c, c) for c in html.escape(text, quote=False))

    def mark(text, cell=False):
        out = []
        for style, piece in inline(text):
            bits = DOSE.split(piece)
            made = ""
            for n, bit in enumerate(bits):
                if n % 2 and cell:
                    made += escape(bit).replace(" ", "&nbsp;")
                elif n % 2:
                    made += f'<span class="dose">{escape(bit)}</span>'
                else:
                    made += escape(bit)
            tag = {"b": "strong"}.get(style, style)
            out.append(f"<{tag}>{made}</{tag}>" if tag else made)
        return "".join(out)

    out, contents, count = [], [], 0
    for b in doc.blocks:
        if b.kind == "heading":
            count += 1
            if b.level == 1:
                contents.append(f'<li><a href="#s{count}">{mark(b.text)}</a></li>')
            out.append(f'<h{b.level + 1} id="s{count}">{mark(b.text)}</h{b.level + 1}>')
        elif b.kind in ("bullets", "steps"):
            tag = "ul" if b.kind == "bullets" else "ol"
            out += [f"<{tag}>", *(f"<li>{mark(i)}</li>" for i in b.items), f"</{tag}>"]
        elif b.kind == "table":
            starts = spans(b.rows)
            out.append('<table class="ruled">')
            if b.text:
                out.append(f"<caption>{mark(b.text)}</caption>")
            for r, row in enumerate(b.rows):
                if r == 0:
                    out.append("<thead>")
                if r == b.header:
                    out.append("</thead>\n<tbody>")
                cells = ""
                for c, text in enumerate(row):
                    if (r, c) not in starts:
                        continue
                    h, w = starts[r, c]
                    extra = (f' rowspan="{h}"' if h > 1 else "") + (f' colspan="{w}"' if w > 1 else "")
                    tag = "th" if r < b.header else "td"
                    cells += f"<{tag}{extra}>{mark(text, cell=True)}</{tag}>"
                out.append(f"<tr>{cells}</tr>")
            out.append("</tbody>\n</table>")
        elif b.kind == "terms":
            out += ["<dl>", *(f"<dt>{mark(t)}</dt>\n<dd>{mark(m)}</dd>" for t, m in b.items), "</dl>"]
        elif b.kind == "note":
            out.append(f"<details>\n<summary>{mark(b.items[0])}</summary>\n<p>{mark(b.text)}</p>\n</details>")
        elif b.kind == "warning":
            out.append(f'<div class="warning" role="note"><p><strong>{mark(b.text)}</strong></p></div>')
        else:
            out.append(f"<p>{mark(b.text)}</p>")
    title = escape(doc.head["title"])
    page = f"""<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<title>{title} | {HOSPITAL}</title>
<meta name="document-number" content="{doc.number}">
<meta name="document-version" content="{doc.head["version"]}">
<style>body {{ font-family: sans-serif; }} .ruled td, .ruled th {{ border: 1px solid #333; }} .dose {{ white-space: nowrap; }}</style>
<script>document.documentElement.className = "js";</script>
</head>
<body>
<header class="site">
<a href="#main">Skip to content</a>
<p>{HOSPITAL} staff pages</p>
<nav aria-label="Site"><ul><li><a href="#">Home</a></li><li><a href="#">Protocols A to Z</a></li><li><a href="#">Switchboard</a></li><li><a href="#">Report an incident</a></li></ul></nav>
</header>
<nav aria-label="On this page"><ol>
{chr(10).join(contents)}
</ol></nav>
<main id="main">
<h1>{title}</h1>
<p class="control">{escape(doc.control)}</p>
<p class="notice">{escape(NOTICE)}</p>
{chr(10).join(out)}
</main>
<footer>
<p>Printed copies are uncontrolled. Cookies: this page sets none.</p>
<p>&copy; 2026 {HOSPITAL} (invented)</p>
</footer>
</body>
</html>
"""
    path.write_text(page, encoding="utf-8", newline="\n")


# --------------------------------------------------------------------------- Markdown

SUPERS = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
SUBS = str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")


def write_md(doc, path):
    def mark(text):
        made = {
            "b": lambda p: f"**{p}**",
            "sup": lambda p: p.translate(SUPERS),
            "sub": lambda p: p.translate(SUBS),
            "": lambda p: p,
        }
        return "".join(made[s](p) for s, p in inline(text))

    out = [f"# {doc.head['title']}", "", f"*{doc.control}*", "", f"> {NOTICE}", ""]
    for b in doc.blocks:
        if b.kind == "heading":
            out += ["#" * (b.level + 1) + " " + mark(b.text), ""]
        elif b.kind == "bullets":
            out += [*(f"- {mark(i)}" for i in b.items), ""]
        elif b.kind == "steps":
            out += [*(f"{n}. {mark(i)}" for n, i in enumerate(b.items, 1)), ""]
        elif b.kind == "table":
            if b.text:
                out += [f"**Table.** {mark(b.text)}", ""]
            rows = [["" if c in ("<", "^") else mark(c) for c in row] for row in b.rows]
            lines = ["| " + " | ".join(r) + " |" for r in rows]
            out += [lines[0], "|" + " --- |" * len(rows[0]), *lines[1:], ""]
        elif b.kind == "terms":
            out += [*(f"- **{t}**: {mark(m)}" for t, m in b.items), ""]
        elif b.kind == "note":
            out += [f"*{b.items[0]}.* {mark(b.text)}", ""]
        elif b.kind == "warning":
            out += [f"> **Warning:** {mark(b.text)}", ""]
        else:
            out += [mark(b.text), ""]
    out += ["---", "", f"{doc.number}, version {doc.head['version']}. Invented sample, not for clinical use."]
    path.write_text("\n".join(out) + "\n", encoding="utf-8", newline="\n")


WRITERS = {"pdf": write_pdf, "docx": write_docx, "html": write_html, "md": write_md}


# --------------------------------------------------------------------------- releases


def toml_value(value):
    if isinstance(value, dt.date):
        return value.isoformat()
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_release(folder, name, docs, all_docs):
    lines = [
        "# Invented sample for software testing. Not for clinical use.",
        f'name = "{name}"',
        f"valid_from = {RELEASES[name].isoformat()}",
        f'publisher = "{HOSPITAL} (invented)"',
    ]
    for doc in docs:
        entry = {
            "file": doc.file,
            "title": doc.head["title"],
            "number": doc.number,
            "version": doc.head["version"],
            "effective": dt.date.fromisoformat(doc.head["effective"]),
            "review_by": dt.date.fromisoformat(doc.head["review_by"]),
            "owner": doc.head["owner"],
            "status": "current",
        }
        if doc.number in SUPERSEDES:
            entry["supersedes"] = SUPERSEDES[doc.number]
        lines += ["", "[[documents]]", *(f"{k} = {toml_value(v)}" for k, v in entry.items())]
    for gone in GONE.get(name, []):
        doc = next(d for d in all_docs if d.number == gone["number"])
        entry = {
            "title": doc.head["title"],
            "number": doc.number,
            "version": doc.head["version"],
            "owner": doc.head["owner"],
            **{k: v for k, v in gone.items() if k != "number"},
        }
        lines += ["", "[[documents]]", *(f"{k} = {toml_value(v)}" for k, v in entry.items())]
    (folder / "release.toml").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def main(target):
    sources = sorted((read(p) for p in TEXTS.glob("*.txt")), key=lambda d: d.number)
    for name in RELEASES:
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        docs = []
        for source in sources:
            if ONLY.get(source.number, name) != name:
                continue
            doc = revised(source, name)
            doc.blocks = parse(doc.body)
            WRITERS[doc.head["format"]](doc, folder / doc.file)
            docs.append(doc)
        write_release(folder, name, docs, sources)
        size = sum(p.stat().st_size for p in folder.iterdir())
        print(f"{name}: {len(docs)} documents, {size / 1024:.0f} KiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "guidelines")

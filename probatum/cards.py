"""The release card: what a release is made of and how it did in its audit, in markdown, for people."""

from probatum.audit import figures
from probatum.audit_report import AuditReport
from probatum.release import Manifest


def release_card_markdown(manifest: Manifest, report: AuditReport) -> str:
    """Sources, tables and figures of one release; no text of a document."""
    lines = [
        f"# Release {manifest.id}",
        "",
        f"Published {manifest.created:%Y-%m-%d %H:%M} UTC, after {manifest.parent or 'nothing'}. "
        f"Encoder {manifest.encoder.name} ({manifest.encoder.revision}, {manifest.encoder.precision}).",
        "",
        "| source | release | in force from | documents | texts | quarantined |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {s.release} | {s.valid_from} | {s.documents.rows:,} | {s.texts.rows:,} | {', '.join(s.quarantined) or 'nothing'} |"
            for name, s in manifest.sources.items()
        ),
        "",
        "| source | slice | questions | @1 | @3 | 95 % interval of @3 | @10 | MRR |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {f['source']} | {f['slice']} | {f['n']} | {f['@1']:.3f} | {f['@3']:.3f} | {f['low']:.3f} to {f['high']:.3f} | {f['@10']:.3f} | {f['mrr']:.3f} |"
            for f in figures(report.sources)
        ),
    ]
    opened = [f"{name} {q.id}" for name, audit in report.sources.items() for q in audit.open_critical()]
    if opened:
        lines += ["", f"Critical questions known to be open: {', '.join(opened)}."]
    return "\n".join(lines) + "\n"

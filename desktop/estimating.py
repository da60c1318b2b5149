"""What `moulage batch --dry-run` prints, and how spans of time and sizes are said."""

import json

from desktop.progress import print_table
from engine.batch.estimate import Estimate
from engine.batch.job import Job


def tell_estimate(job: Job, needs: Estimate, as_json: bool) -> None:
    """Print what a dry run found."""
    if as_json:
        document = {name: getattr(needs, name) for name in needs.__dataclass_fields__}
        print(json.dumps({"event": "estimate", "job": job.name} | document | {"basis": needs.basis}))
        return
    counts = ", ".join(f"{count} {name}" for name, count in sorted(needs.lesions.items())) or "none"
    each = sum(needs.lesions.values()) / max(needs.patients, 1)
    rows = [
        ("patients", f"{needs.patients}" + (f" of {job.patients}" if needs.patients != job.patients else "")),
        ("lesions", f"{'' if needs.exact else 'about '}{counts}; {each:.1f} a patient"),
        ("evaluations", f"{needs.evaluations} of the network"),
        ("time", f"about {duration(needs.seconds)} on {needs.cores} cores"),
        ("  network", f"{100 * needs.network_s / max(needs.network_s + needs.other_s, 1e-9):.0f} % of it"),
        ("disk", f"about {size(needs.disk_mb)}"),
        ("memory", f"up to about {size(needs.memory_mb)}"),
    ]
    print_table((job.name, ""), rows)
    print(f"Time rests on {needs.basis}.")


def duration(seconds: float) -> str:
    """As people say it: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def size(megabytes: float) -> str:
    """Megabytes as people read them."""
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"

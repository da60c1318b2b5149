"""From sets of pictures to the lines of the report: each measure on generated and on real pictures, group by group."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.class_fidelity import class_fidelity
from engine.evaluation.distances import Features
from engine.evaluation.diversity import diversity
from engine.evaluation.estimate import Estimate, mean_of
from engine.evaluation.external import Network, lpips_diversity
from engine.evaluation.figures import Figure
from engine.evaluation.mask_fidelity import mask_fidelity
from engine.evaluation.memorisation import Memorisation
from engine.evaluation.observer import Reading
from engine.evaluation.pictures import Pictures
from engine.evaluation.similarity import ENOUGH, MOST_POINTS, Cloud, Similarity, compare
from engine.evaluation.skin_tones import Tone
from engine.evaluation.usefulness import Usefulness

Views = Mapping[str, Callable[[Pictures], Features]]
Lines = tuple[list[Figure], list[str]]
"""Figures and remarks."""
_NAN = float("nan")
_MOST_NAMED = 3


def groups(generated: Pictures, real: Pictures) -> tuple[str, ...]:
    """Classes that both have."""
    return tuple(name for name in generated.known_classes if name in real.known_classes)


def drawn(pictures: Pictures, count: int, seed: int) -> Pictures:
    """At most `count` of them, by the seed, in order."""
    rng = np.random.default_rng([seed, len(pictures)])
    return pictures.take(np.sort(rng.permutation(len(pictures))[:count]))


def similarity_lines(
    generated: Pictures,
    reference: Pictures,
    floor: Pictures,
    views: Views,
    words: str,
    seed: int,
    draws: int,
    raw: Collection[str] = (),
) -> Lines:
    """Generated pictures beside the reference, and other real ones (`floor`) beside it: all sets equally large.

    raw: the views whose features are compared as they are, not standardised.
    """
    found: list[Figure] = []
    remarks = []
    for group in generated.known_classes:
        sets = [p.of_class(group) for p in (reference, floor, generated)]
        count = min(len(sets[0]), len(sets[2]), MOST_POINTS)
        if count < ENOUGH:
            remarks.append(
                f"likeness, {group}: left out; it takes {ENOUGH} generated and {ENOUGH} real pictures of the class, "
                f"there are {len(sets[2])} and {len(sets[0])}"
            )
            continue
        real, other, ours = (drawn(s, count, seed) for s in sets)
        for name, features in views.items():
            cloud = Cloud(features(real), real.lesion)
            first, second = (
                compare(cloud, Cloud(features(s), s.lesion), seed, draws, name in raw) for s in (ours, other)
            )
            found += _of_similarity(name, group, first, second, words, 4 if name in raw else 2)
            if len(other) < count:
                remarks.append(
                    f"likeness, {group}: real beside real rests on {len(other)} pictures, generated beside real on "
                    f"{count}; fewer pictures give larger distances{_too_few(len(other))}"
                )
    return found, list(dict.fromkeys(remarks))


def diversity_lines(generated: Pictures, real: Pictures, lpips: Network | None, seed: int) -> list[Figure]:
    """Of each class; as many real as generated pictures, so far as there are."""
    found = []
    for group in groups(generated, real):
        ours = generated.of_class(group)
        theirs = drawn(real.of_class(group), len(ours), seed)
        values = [diversity(p.rgb, seed, p.lesion) for p in (ours, theirs)]
        found.append(Figure("MS-SSIM of pairs", group, values[0], values[1], "training pictures", "real"))
        if lpips is not None:
            values = [lpips_diversity(lpips, p.rgb, p.lesion, seed) for p in (ours, theirs)]
            found.append(Figure("LPIPS of pairs", group, values[0], values[1], "training pictures", "real"))
    return found


def mask_lines(ours: tuple[Pictures, Reading], theirs: tuple[Pictures, Reading], seed: int) -> list[Figure]:
    """Dice per class; the observer must have learnt from masks."""
    found = []
    for group in groups(ours[0], theirs[0]):
        generated, real = (mask_fidelity(*_part(*side, group), seed) for side in (ours, theirs))
        if generated is None or real is None:
            continue
        words = "test pictures, outlined by people"
        found += [
            Figure("Dice of observer and mask", group, generated.dice, real.dice, words, "high"),
            Figure("share without a lesion", group, generated.empty, real.empty, words, "low"),
        ]
    return found


def class_lines(ours: tuple[Pictures, Reading], theirs: tuple[Pictures, Reading], seed: int, draws: int) -> Lines:
    """AUC and the order of the ABCD numbers."""
    generated, real = (class_fidelity(*side, seed, draws) for side in (ours, theirs))
    if generated is None or real is None:
        return [], ["class fidelity: needs nevi and melanomas, real and generated"]
    words = "test pictures"
    found = [Figure("AUC, melanoma or nevus", "both", generated.auc, real.auc, words, "high")]
    for name, order in generated.order.items():
        measure = f"ABCD: {name} of melanoma above nevus"
        found.append(Figure(measure, "both", order, real.order[name], words, "real"))
    return found, []


def usefulness_lines(results: Sequence[Usefulness]) -> list[Figure]:
    """Each diet of a group beside the first, which is its real pictures alone."""
    found = []
    for result in results:
        for measure, own, base in (
            ("Dice on test pictures, learnt from", result.dice, results[0].dice),
            ("AUC on test pictures, learnt from", result.auc, results[0].auc),
        ):
            if own is not None:
                words = f"{results[0].pictures} real pictures alone"
                found.append(Figure(measure, f"{result.diet} ({result.pictures})", own, base, words, "high"))
    return found


def memorisation_lines(found: Memorisation, generated: Pictures, gallery: int, words: str) -> Lines:
    """gallery: how many pictures were searched."""
    count = len(generated)
    close = mean_of(
        np.isin(np.array(generated.name), [name for name, _, _ in found.names]), generated.lesion, 0, (0.0, 1.0)
    )
    chance = "p < 0.001" if found.probability < 0.0005 else f"p = {found.probability:.3f}"
    return [
        Figure("distance to nearest / next 50 real", "all", found.median, found.real_median, words, "real"),
        Figure("share nearer than 99 % of real", "all", close, _plain(found.expected / count), "by chance", "low"),
    ], [
        f"memorisation: {found.suspicious} of {count} generated pictures lie nearer to one of {gallery} real ones than "
        f"99 % of real ones do; by chance {found.expected:.1f}, {chance}: {_verdict(found)}"
    ]


def tone_lines(tones: Sequence[Tone]) -> list[Figure]:
    """How far the skin around changed, a class; contrast, a class and phototype."""
    found = []
    for name in dict.fromkeys(tone.lesion_class for tone in tones):
        changed = _plain(max(tone.changed for tone in tones if tone.lesion_class == name))
        found.append(Figure("largest ΔE2000 of the skin around", f"{name}, I to VI", changed, None, "", "low", 1))
    for tone in tones:
        real, words = None, f"{tone.real} real of that tone, too few"
        if tone.real_range is not None:
            low, middle, high = tone.real_range
            real = Estimate(middle, low, high, tone.real)
            words = f"{tone.real} real of that tone, median (10th to 90th percentile)"
        group = f"{tone.lesion_class}, {tone.phototype}"
        found.append(Figure("ΔE2000 of lesion and skin", group, tone.delta_e, real, words, "real", 1))
    return found


def _of_similarity(
    name: str, group: str, ours: Similarity | None, theirs: Similarity | None, words: str, kernel_digits: int
) -> list[Figure]:
    """Six lines. kernel_digits: the kernel distance of raw features is small."""
    return [
        Figure(
            f"{label}, {name} features",
            group,
            None if ours is None else getattr(ours, measure),
            None if theirs is None else getattr(theirs, measure),
            *(words, best, digits),
        )
        for label, measure, best, digits in (
            ("Fréchet distance", "frechet", "low", 2),
            ("kernel distance", "kernel", "low", kernel_digits),
            ("precision", "precision", "high", 2),
            ("recall", "recall", "high", 2),
            ("density", "density", "high", 2),
            ("coverage", "coverage", "high", 2),
        )
    ]


def _part(pictures: Pictures, reading: Reading, group: str) -> tuple[Pictures, Reading]:
    """The pictures of a class, and what was read in them."""
    which: NDArray[np.bool_] = pictures.label == pictures.classes.index(group)
    return pictures.take(which), Reading(reading.mask[which], reading.probability[which], reading.features[which])


def _too_few(count: int) -> str:
    """The end of a sentence, where the column of real pictures stays empty."""
    return "" if count >= ENOUGH else f", and fewer than {ENOUGH} none, so that column is empty"


def _verdict(found: Memorisation) -> str:
    """In words; a picture that is surely a copy is named, three at most."""
    if found.alarming:
        named = ", ".join(f"{name} beside {other} ({ratio:.2f})" for name, other, ratio in found.alarming[:_MOST_NAMED])
        more = len(found.alarming) - _MOST_NAMED
        return (
            f"{len(found.alarming)} far nearer than any chance (ratio below {found.alarm:.2f}), copies by all "
            f"appearance: {named}{f' and {more} more' if more > 0 else ''}"
        )
    return "more than chance explains: look at them" if found.copies else "no sign of copies"


def _plain(value: float) -> Estimate:
    """A value without an interval."""
    return Estimate(value, _NAN, _NAN, 0)

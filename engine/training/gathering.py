"""What a training draws from: packs as they are, or folders that are packed first.

A pack remembers with which options it was made, so that options which would change nothing any more are refused.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import BadInput, DataError
from engine.output.atomic import telling
from engine.training import layouts, pack, packing
from engine.training.dataset import DEFAULT_CLASSES, problem_lines
from engine.training.packing import Filters
from engine.training.split import split

MIB = 48.0
_CLASSES = "--classes"
Say = Callable[[str], None]
Options = Mapping[str, Any]
"""What a pack was made with, by option, as JSON keeps it."""


def options(mib: float, classes: Sequence[str], filters: Filters, limit: int | None) -> Options:
    """The options that shape a pack."""
    return {
        _CLASSES: list(classes),
        "--hair": filters.hair,
        "--dark-corners": filters.dark_corners,
        "--keep-rulers": not filters.ruler,
        "--mib": mib,
        "--limit": limit,
    }


def make_pack(
    folders: Sequence[Path],
    path: Path,
    mib: float,
    classes: tuple[str, ...],
    filters: Filters,
    say: Say,
    limit: int | None = None,
) -> pack.Pack:
    """Read, split, filter and pack; the test split is left out. limit: images per class before filtering.

    DataError where nothing is left, or it can't fit.
    """
    if limit is not None and limit < 1:
        raise BadInput(f"--limit: is {limit}; it must be 1 or more")
    if not 1 <= mib <= pack.MOST_BYTES >> 20:
        raise BadInput(f"--mib: is {mib:g}; it must lie between 1 and {pack.MOST_BYTES >> 20}")
    found = layouts.read(folders)
    say(f"found {_counted(found.counts())}")
    found = found.of_classes(classes).with_masks()
    for line in problem_lines(found.problems):
        say(f"skipped: {line}")
    if not found.samples:
        names = ", ".join(map(str, folders))
        raise DataError(f"--data: no image with a mask of class {' or '.join(classes)} in {names}")
    parts = split(found)
    say(f"test split: {len(parts.test)} images are never trained on; near-duplicates joined: {len(parts.joined)}")
    samples = packing.sharpest(parts.train.samples)
    if not samples:
        raise DataError(f"--data: all {len(found)} images lie in the test split; more lesions are needed")
    if limit is not None:
        samples = packing.limited(samples, limit)
    outcome, side, large = packing.fitted(samples, filters, int(mib * 2**20), _announcer(say, "packing"))
    for line in problem_lines(outcome.problems):
        say(f"skipped: {line}")
    for reason, number in outcome.refused.most_common():
        say(f"filtered: {reason}: {number}")
    if not outcome.items:
        raise DataError(f"--data: no image is left of {len(samples)}; the filters left out {_counted(outcome.refused)}")
    present = tuple(name for name in classes if any(item.lesion_class == name for item in outcome.items))
    about = {
        "data": _names(folders),
        "counts": {name: sum(item.lesion_class == name for item in outcome.items) for name in present},
        "refused": dict(outcome.refused.most_common()),
        "problems": _by_reason([*parts.train.problems, *outcome.problems]),
        "test_images": len(parts.test),
        "licences": list(found.licences()),
        "sources": sorted({sample.source for sample in samples if sample.source}),
        "sides": [side, large],
        "phototypes": outcome.tones(),
        "options": options(mib, classes, filters, limit),
    }
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    pack.write(path, outcome.items, present, about)
    made = pack.read(path)
    say(f"packed {_counted(made.counts())} at {side} and {large} pixels: {path.stat().st_size / 2**20:.1f} MiB, {path}")
    return made


def are_packs(data: Sequence[Path]) -> bool:
    """Whether all of them are packs rather than folders. BadInput where some are."""
    found = [path for path in data if pack.is_pack(path)]
    if found and len(found) < len(data):
        folder = next(path for path in data if path not in found)
        raise BadInput(
            f"--data: {found[0]} is a pack and {folder} is none; give packs or folders, not both (moulage pack makes a "
            "pack of folders)"
        )
    return bool(found)


def packs(paths: Sequence[Path], wished: Options, say: Say, only_class: str | None = None) -> pack.Pack:
    """All of them as one. DataError where they don't go together; BadInput for options with which none was made.

    Of a pack that is older than its options nobody can tell, so that is only said. only_class: the one that is trained
    on; `--classes` may leave out others then.
    """
    read = [pack.read(path) for path in paths]
    whole = pack.joined(read)
    usual = options(MIB, DEFAULT_CLASSES, Filters(), None)
    for option, value in wished.items():
        if value == usual[option] or all(_options(one).get(option) == value for one in read):
            continue
        wrong = f"{option}: can't change a pack that is made; leave it out, or give folders as --data"
        if option == _CLASSES:
            if set(value) == set(whole.classes) or (only_class and set(value) <= set(whole.classes)):
                continue
            wrong = f"{option}: the pack's are {', '.join(whole.classes)}; leave it out, or pack folders anew"
        if any(option in _options(one) for one in read):
            raise BadInput(wrong)
        say(wrong)
    return whole


def check_unchanged(made: pack.Pack, folders: Sequence[Path], wished: Options) -> None:
    """BadInput, naming the option, where a training's pack was made from other folders or with other options.

    What a pack doesn't say, because it is older than the option, may be anything.
    """
    before, now = made.about.get("data", []), _names(folders)
    if before and all(before) and sorted(map(str, before)) != sorted(now):
        raise BadInput(_changed("--data", now, before))
    for option, value in _options(made).items():
        if option in wished and wished[option] != value:
            raise BadInput(_changed(option, wished[option], value))


def _changed(option: str, now: Any, before: Any) -> str:
    return (
        f"{option}: is {_shown(now)}, but this training's images were packed with {_shown(before)}; keep it the same, "
        "or choose another -o"
    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value is None or isinstance(value, bool):
        return "on" if value else "none" if value is None else "off"
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _options(made: pack.Pack) -> Options:
    """As its heading says; none in an older pack."""
    told = made.about.get("options", {})
    return told if isinstance(told, dict) else {}


def _names(folders: Sequence[Path]) -> list[str]:
    return [folder.name or folder.absolute().name for folder in folders]


def _announcer(say: Say, what: str, every: int = 1000) -> packing.Told:
    def told(done: int, total: int) -> None:
        if done and done % every == 0:
            say(f"{what}: {done:,} of {total:,}")

    return told


def _by_reason(problems: Sequence[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.reason] = counts.get(problem.reason, 0) + 1
    return counts


def _counted(counts: Any) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items()) or "nothing"

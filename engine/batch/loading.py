"""From a TOML file to a `Job`: what the schema asks, then what concerns two values or the disk.

Every error is one line: file, line, key, what was found, what is allowed. Nothing is written.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

from engine.avatar.phenotype import AGES
from engine.batch import files, schema, validation
from engine.batch.job import (
    MOST_LESIONS,
    MOST_PATIENTS,
    AvatarFile,
    Distribution,
    Job,
    LesionGroup,
    Mix,
    Network,
    Outputs,
    Parametric,
    UglyDuckling,
)
from engine.batch.lines import line_of
from engine.errors import BadInput
from engine.lesion import DIAMETER_MM

MOST_BYTES = 1 << 20
Key = tuple[str | int, ...]


class _Wrong(Exception):
    """A value that the schema takes and the job can't: where, and what to say of it."""

    def __init__(self, path: Key, text: str) -> None:
        super().__init__(text)
        self.path = path


def load(path: Path) -> Job:
    """Read a job file. BadInput, one line, for whatever can't be meant; relative paths start at the file's folder."""
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is no TOML ({error or 'nested too deeply'})") from error
    problem = next(validation.problems(document, schema.schema()), None)
    if problem is not None:
        told = f"{_key(problem.path)}: found {problem.found}; allowed is {problem.allowed}"
        raise BadInput(f"{path}, line {line_of(text, problem.path)}: {told}")
    try:
        return _job(document, path.parent)
    except _Wrong as wrong:
        raise BadInput(f"{path}, line {line_of(text, wrong.path)}: {_key(wrong.path)}: {wrong}") from wrong


def _read(path: Path) -> str:
    """The file's text; its size is looked at first, so that none is taken into memory that can't be a job."""
    try:
        if not path.is_file():
            raise BadInput(f"{path}: there is no such job file")
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path}: has {path.stat().st_size} bytes; a job file has at most {MOST_BYTES}")
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise BadInput(f"{path}: has more than {MOST_BYTES} bytes; a job file has fewer")
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is no UTF-8 text ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise BadInput(f"{path}: can't be read ({error.strerror})") from error


def _key(path: Key) -> str:
    """`lesions[2].count` (counted from 1), or what stands for the whole file."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "the job"


def _job(document: dict[str, Any], base: Path) -> Job:
    sources: list[Parametric | AvatarFile] = []
    for place, entry in enumerate(document["patients"]):
        left = MOST_PATIENTS - sum(source.patients for source in sources)
        sources += _sources(entry, ("patients", place), base, left)
    lesions = tuple(_group(entry, ("lesions", place)) for place, entry in enumerate(document.get("lesions", ())))
    duckling = document.get("ugly_duckling")
    job = Job(
        name=document["name"],
        seed=int(document.get("seed", 0)),
        sources=tuple(sources),
        lesions=lesions,
        spacing_mm=float(document.get("spacing_mm", Job.spacing_mm)),
        ugly_duckling=None if duckling is None else _duckling(duckling, ("ugly_duckling",)),
        network=Network(**_plain(document.get("network", {}), Network())),
        outputs=Outputs(**_plain(document.get("outputs", {}), Outputs())),
    )
    _require_lesions_fit(job)
    _require_classes(job, _known_classes(job.network.model))
    return job


def _sources(entry: dict[str, Any], key: Key, base: Path, left: int) -> list[Parametric | AvatarFile]:
    """What one entry of `patients` means; `left`: how many patients the job may still have."""
    if "count" in entry:
        _require(entry["count"] <= left, (*key, "count"), f"with it the job has more than {MOST_PATIENTS} patients")
        return [
            Parametric(
                patients=int(entry["count"]),
                sex=_mix(entry.get("sex", schema.ONE_SEX_EACH), (*key, "sex")),
                age=_distribution(entry.get("age", schema.USUAL_AGE), (*key, "age"), *AGES),
                stature=_distribution(entry.get("stature", schema.USUAL_STATURE), (*key, "stature"), *schema.STATURES),
                build=_distribution(entry.get("build", schema.USUAL_BUILD), (*key, "build"), *schema.BUILDS),
                phototype=_mix(entry.get("phototype", schema.USUAL_PHOTOTYPES), (*key, "phototype")),
                texture_size=int(entry.get("texture_size", 4096)),
            )
        ]
    each = int(entry.get("each", 1))
    where = "files" if "files" in entry else "glob"
    try:
        if where == "glob":
            paths = files.matching(base, entry["glob"], left)
        else:
            names = [entry["files"]] if isinstance(entry["files"], str) else entry["files"]
            paths = [files.named(base, name) for name in names]
    except BadInput as error:
        raise _Wrong((*key, where), str(error)) from error
    _require(len(paths) * each <= left, (*key, where), f"with it the job has more than {MOST_PATIENTS} patients")
    height = float(entry["height_m"]) if "height_m" in entry else None
    return [AvatarFile(path, each, entry.get("unit"), height, entry.get("material")) for path in paths]


def _group(entry: dict[str, Any], key: Key) -> LesionGroup:
    return LesionGroup(
        classes=_mix(entry["class"], (*key, "class")),
        count=_distribution(entry["count"], (*key, "count"), 0, MOST_LESIONS),
        regions=_regions(entry),
        diameter_mm=_optional(entry, "diameter_mm", key, *DIAMETER_MM),
        irregularity=_optional(entry, "irregularity", key, 0, 1),
        asymmetry=_optional(entry, "asymmetry", key, 0, 1),
    )


def _duckling(entry: dict[str, Any], key: Key) -> UglyDuckling:
    made = UglyDuckling(
        share=float(entry["share"]),
        controls=float(entry.get("controls", UglyDuckling.controls)),
        lesion_class=entry.get("class", UglyDuckling.lesion_class),
        kinds=int(entry.get("kinds", UglyDuckling.kinds)),
        regions=_regions(entry),
        diameter_mm=_optional(entry, "diameter_mm", key, *DIAMETER_MM),
    )
    both = made.share + made.controls
    _require(both <= 1, (*key, "controls"), f"share and controls are {both:g} together; allowed is up to 1")
    return made


def _optional(entry: dict[str, Any], name: str, key: Key, low: float, high: float) -> Distribution | None:
    return _distribution(entry[name], (*key, name), low, high) if name in entry else None


def _distribution(value: Any, key: Key, low: float, high: float) -> Distribution:
    if not isinstance(value, dict):
        return Distribution.fixed(float(value))
    low, high = float(value.get("min", low)), float(value.get("max", high))
    _require(low <= high, (*key, "min"), f"found min = {low:g} and max = {high:g}; min must not be above max")
    name = next((name for name in ("mean", "median") if name in value), None)
    centre = float(value[name]) if name is not None else (low + high) / 2
    _require(
        low <= centre <= high, (*key, name or ""), f"found {centre:g}; it must lie between min {low:g} and max {high:g}"
    )
    spread = next((float(value[name]) for name in ("sd", "sigma") if name in value), 0.0)
    return Distribution(value["distribution"], centre, spread, low, high)


def _mix(value: Any, key: Key) -> Mix:
    if isinstance(value, str):
        return ((value, 1.0),)
    total = float(sum(value.values()))
    _require(total > 0, key, "found only shares of 0; one must be above")
    return tuple((name, share / total) for name, share in value.items() if share > 0)


def _regions(entry: dict[str, Any]) -> tuple[str, ...]:
    value = entry.get("region", ())
    return (value,) if isinstance(value, str) else tuple(value)


def _plain(entry: dict[str, Any], usual: Network | Outputs) -> dict[str, Any]:
    """Fields as the dataclass has them: lists as tuples, whole numbers that were written as 8.0 as whole numbers."""
    made: dict[str, Any] = {}
    for name, value in entry.items():
        default = getattr(usual, name)
        if isinstance(value, list):
            made[name] = tuple(value)
        elif isinstance(value, float) and (default is None or isinstance(default, int)):
            made[name] = int(value)
        else:
            made[name] = float(value) if isinstance(default, float) else value
    return made


def _require_lesions_fit(job: Job) -> None:
    most = sum(group.count.high for group in job.lesions)
    _require(most <= 65_000, ("lesions",), f"a patient may get {most:g} lesions; an instance map numbers up to 65000")


def _require_classes(job: Job, known: tuple[str, ...]) -> None:
    if not known:
        return
    for place, group in enumerate(job.lesions):
        for name, _ in group.classes:
            _require(name in known, ("lesions", place, "class"), _no_class(name, job.network.model, known))
    duckling = job.ugly_duckling
    if duckling is not None:
        name = duckling.lesion_class
        _require(name in known, ("ugly_duckling", "class"), _no_class(name, job.network.model, known))


def _no_class(name: str, model: str, known: tuple[str, ...]) -> str:
    return f"found {name!r}; allowed are the classes of model {model!r}: {', '.join(known)}"


def _known_classes(model: str) -> tuple[str, ...]:
    """What a shipped model paints, without loading it; () for another, which the run itself asks."""
    config = Path(__file__).resolve().parent.parent / "models" / model / "config.json"
    if not model.isidentifier() or not config.is_file():
        return ()
    classes = json.loads(config.read_bytes())["classes"]
    return tuple(name for name in classes if name != "any")


def _require(good: bool, key: Key, text: str) -> None:
    if not good:
        raise _Wrong(key, text)

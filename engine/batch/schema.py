"""The job file's JSON Schema (draft 2020-12), version 1: what `moulage batch --schema` prints and `loading` checks by.

It says everything that can be said of one value by itself; `loading` adds what concerns two values, or the disk.
"""

from typing import Any

from engine.avatar.bodyparts import NAMES, PAIRED
from engine.avatar.phenotype import AGES, SEXES
from engine.batch.job import FORMAT, MOST_LESIONS, MOST_PATIENTS, Network, Outputs, UglyDuckling
from engine.lesion import DETAILS, DIAMETER_MM, SAMPLER_NAMES

PHOTOTYPES = ("I", "II", "III", "IV", "V", "VI")
TEXTURE_SIZES = (1024, 2048, 4096, 8192)
STATURES = (0.9, 1.1)
BUILDS = (0.75, 1.35)
"""What the base body reaches in adults; `engine.batch.draw` narrows it for children."""
LARGEST_SEED = 2**63 - 1
MOST_SOURCES = 10_000
MOST_GROUPS = 100
REGIONS = (*NAMES, *PAIRED)

ONE_SEX_EACH = {"female": 1, "male": 1}
USUAL_AGE = {"distribution": "normal", "mean": 50, "sd": 17, "min": 18, "max": 90}
USUAL_STATURE = {"distribution": "normal", "mean": 1, "sd": 0.04}
USUAL_BUILD = {"distribution": "log-normal", "median": 1, "sigma": 0.12}
USUAL_PHOTOTYPES = {"I": 10, "II": 35, "III": 30, "IV": 12, "V": 8, "VI": 5}

Document = dict[str, Any]


def schema() -> Document:
    """A fresh copy of the schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:moulage:job:{FORMAT}",
    } | _object(
        {
            "moulage_job": {"const": FORMAT, "description": "The version of this format."},
            "name": {
                "type": "string",
                "pattern": "^[^\\u0000-\\u001f\\u007f]{1,100}$",
                "description": "What the set is called, in words.",
            },
            "seed": _whole(0, LARGEST_SEED, "The same seed gives the same patients and lesions.", 0),
            "spacing_mm": _number(0, 100, "Least free skin between two lesions.", 1.0),
            "patients": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_SOURCES,
                "items": {"anyOf": [_parametric(), _files("files"), _files("glob")]},
                "description": f"Where bodies come from; {MOST_PATIENTS} patients in all at most.",
            },
            "lesions": {"type": "array", "maxItems": MOST_GROUPS, "items": _lesions(), "default": []},
            "ugly_duckling": _ugly_duckling(),
            "network": _network(),
            "outputs": _outputs(),
        },
        required=("moulage_job", "name", "patients"),
        description="A batch of patients with lesions. Synthetic, for teaching and research, not for diagnosis.",
    )


def _parametric() -> Document:
    return _object(
        {
            "count": _whole(1, MOST_PATIENTS, "How many patients are drawn."),
            "sex": _mix(SEXES, "One sex, or shares.", ONE_SEX_EACH),
            "age": _drawn(*AGES, "Years.", USUAL_AGE),
            "stature": _drawn(*STATURES, "Height, 1 = usual for sex and age.", USUAL_STATURE),
            "build": _drawn(*BUILDS, "Body mass index, 1 = usual for the age.", USUAL_BUILD),
            "phototype": _mix(PHOTOTYPES, "One of Fitzpatrick's phototypes, or shares.", USUAL_PHOTOTYPES),
            "texture_size": {"enum": list(TEXTURE_SIZES), "default": 4096, "description": "Side of the skin texture."},
        },
        required=("count",),
        description="Bodies that are drawn.",
    )


def _files(key: str) -> Document:
    path = {"type": "string", "pattern": "^[^\\u0000]{1,1000}$"}
    several = {"type": "array", "items": path, "minItems": 1, "maxItems": MOST_SOURCES, "uniqueItems": True}
    where = {
        "files": {
            "anyOf": [path, several],
            "description": "GLB, VRM or OBJ files; relative paths start at the job file's folder.",
        },
        "glob": path | {"description": "A pattern such as bodies/**/*.glb, in the order of names."},
    }
    return _object(
        {
            key: where[key],
            "each": _whole(1, MOST_PATIENTS, "Patients per file.", 1),
            "unit": {"enum": ["m", "cm", "mm"], "description": "Unit of the files, where they are not clear."},
            "height_m": _number(0.4, 2.3, "The bodies' height in metres."),
            "material": {"type": "string", "pattern": "^.{1,200}$", "description": "The material that is skin."},
        },
        required=(key,),
        description="Bodies from files.",
    )


def _lesions() -> Document:
    return _object(
        {
            "class": {
                "anyOf": [_CLASS, _shares(_CLASS["pattern"])],
                "description": "nevus, melanoma or another of the model's; or shares of several.",
            },
            "count": _counted("Lesions of this group per patient."),
            "region": _regions("Body parts that they are spread over; all skin where left out."),
            "diameter_mm": _drawn(*DIAMETER_MM, "Longest diameter in mm; the class' clinical range where left out."),
            "irregularity": _drawn(0, 1, "Of the outline: 0 even, 1 notched; the class' range where left out."),
            "asymmetry": _drawn(0, 1, "Of the outline: 0 round, 1 lopsided; the class' range where left out."),
        },
        required=("class", "count"),
        description="Lesions that every patient gets.",
    )


def _ugly_duckling() -> Document:
    usual = UglyDuckling(0.0)
    return _object(
        {
            "share": _number(0, 1, "Share of patients with nevi alike and one lesion that differs."),
            "controls": _number(0, 1, "Share of patients with nevi alike and none that differs.", usual.controls),
            "class": _CLASS | {"default": usual.lesion_class, "description": "Of the lesion that differs."},
            "kinds": _whole(1, 5, "Kinds of nevi in one patient.", usual.kinds),
            "region": _regions("Where the lesion that differs may lie; all skin where left out."),
            "diameter_mm": _drawn(
                *DIAMETER_MM, "Of the lesion that differs; clinical, and larger than the nevi, where left out."
            ),
        },
        required=("share",),
        description="Patients whose nevi resemble each other, and one lesion that does not.",
    )


def _network() -> Document:
    usual = Network()
    return _object(
        {
            "model": {
                "type": "string",
                "pattern": "^[^\\u0000-\\u001f]{1,1000}$",
                "default": usual.model,
                "description": "A model's name or folder.",
            },
            "precision": {"enum": ["auto", "fp32", "bf16"], "default": usual.precision},
            "batch_size": _whole(1, 256, "Lesions that share an evaluation of the network.", usual.batch_size),
            "steps": _whole(2, 1000, "Evaluations of the network per lesion.", usual.steps),
            "detail": _whole(*DETAILS, "Side of a lesion's own picture in pixels.", usual.detail),
            "sampler": {"enum": list(SAMPLER_NAMES), "default": usual.sampler},
            "class_guidance": _number(0, 10, "1 is the plain conditional network.", usual.class_guidance),
        },
        description="How lesions are painted.",
    )


def _outputs() -> Document:
    usual = Outputs()
    flags = {
        "glb": "The body with its lesions, to open anywhere.",
        "close_ups": "Each lesion's own picture, and its mask.",
        "preview": "A page that shows the patient and all lesions.",
        "contact_sheet": "A page that shows the set's first patients.",
        "annotations": "annotations.json, in COCO's form.",
    }
    return _object(
        {
            "maps": {
                "type": "array",
                "items": {"enum": list(usual.maps)},
                "uniqueItems": True,
                "default": list(usual.maps),
                "description": "Textures: colour, lesion numbers (16 bit), class numbers.",
            },
            "map_size": _whole(64, 8192, "Side of the maps in texels; the texture's own where left out or smaller."),
            "picture_format": {
                "enum": ["png", "jpeg", "webp", "tiff"],
                "default": usual.picture_format,
                "description": "Of albedo, close-ups and previews.",
            },
            "mask_format": {
                "enum": ["png", "tiff"],
                "default": usual.mask_format,
                "description": "Of instance maps, class maps and masks: always lossless.",
            },
            "quality": _whole(1, 100, "Of JPEG and WebP.", usual.quality),
            "close_up_size": _whole(16, 1024, "Side of close-ups in pixels; the network's detail where left out."),
        }
        | {
            name: {"type": "boolean", "default": getattr(usual, name), "description": words}
            for name, words in flags.items()
        },
        description="Which files are made.",
    )


def _object(properties: Document, required: tuple[str, ...] = (), description: str = "") -> Document:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _number(low: float, high: float, description: str, default: float | None = None) -> Document:
    return _with_default({"type": "number", "minimum": low, "maximum": high, "description": description}, default)


def _whole(low: int, high: int, description: str, default: int | None = None) -> Document:
    return _with_default({"type": "integer", "minimum": low, "maximum": high, "description": description}, default)


def _with_default(document: Document, default: Any) -> Document:
    return document if default is None else document | {"default": default}


def _drawn(low: float, high: float, description: str, default: Document | None = None) -> Document:
    """A number, or a distribution of numbers between `low` and `high`."""
    value = {"type": "number", "minimum": low, "maximum": high}
    above = {"type": "number", "exclusiveMinimum": 0, "maximum": high}
    bounds = {"min": value | {"default": low}, "max": value | {"default": high}}
    kinds = [
        value,
        _distribution("uniform", {"min": value, "max": value}, ("min", "max")),
        _distribution("normal", {"mean": value, "sd": above, **bounds}, ("mean", "sd")),
    ]
    if low >= 0:
        positive = value | {"exclusiveMinimum": 0}
        sigma = {"type": "number", "exclusiveMinimum": 0, "maximum": 2}
        kinds.append(_distribution("log-normal", {"median": positive, "sigma": sigma, **bounds}, ("median", "sigma")))
    return _with_default({"anyOf": kinds, "description": description}, default)


def _counted(description: str) -> Document:
    """A whole number, or a distribution of whole numbers."""
    value = {"type": "integer", "minimum": 0, "maximum": MOST_LESIONS}
    mean = {"type": "number", "minimum": 0, "maximum": MOST_LESIONS}
    above = {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_LESIONS}
    bounds = {"min": value | {"default": 0}, "max": value | {"default": MOST_LESIONS}}
    kinds = [
        value,
        _distribution("poisson", {"mean": mean, **bounds}, ("mean",)),
        _distribution("uniform", {"min": value, "max": value}, ("min", "max")),
        _distribution("normal", {"mean": mean, "sd": above, **bounds}, ("mean", "sd")),
    ]
    return {"anyOf": kinds, "description": description}


def _distribution(name: str, properties: Document, required: tuple[str, ...]) -> Document:
    return _object({"distribution": {"const": name}, **properties}, ("distribution", *required))


def _mix(names: tuple[str, ...], description: str, default: Document) -> Document:
    share = {"type": "number", "minimum": 0, "maximum": 1_000_000}
    shares = _object(dict.fromkeys(names, share)) | {"minProperties": 1}
    return {"anyOf": [{"enum": list(names)}, shares], "description": description, "default": default}


def _shares(pattern: str) -> Document:
    share = {"type": "number", "minimum": 0, "maximum": 1_000_000}
    return {
        "type": "object",
        "patternProperties": {pattern: share},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 100,
    }


def _regions(description: str) -> Document:
    name = {"enum": list(REGIONS)}
    several = {"type": "array", "items": name, "minItems": 1, "uniqueItems": True}
    return {"anyOf": [name, several], "description": description}


_CLASS: Document = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"}

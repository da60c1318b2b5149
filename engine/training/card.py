"""The model card that a training writes: data, licence, command, figures with the commands that made them, limits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.diffusion.checkpoint import ANY_CLASS, Model
from engine.output import write_atomic
from engine.training import measured
from engine.training.measured import NAME as EVALUATION
from engine.training.measured import Measured
from engine.training.sheet import NAME as SHEET

NAME = "README.md"
SECTIONS = ("Training", "Figures", "Limits", "Skin tones", "Memorisation", "Licence and attribution")
NON_COMMERCIAL = "CC BY-NC 4.0"
CC0 = "CC0 1.0 (all training images are)"
_SHEET = (
    "![samples](samples.png)",
    "",
    "The sheet is painted by `moulage train` itself: nothing known but that the lesion doesn't touch the frame; the",
    "skin around known; skin and shape known, as Moulage uses it by default.",
    "",
)
_HAM10000 = (
    "HAM10000, © ViDIR Group, Department of Dermatology, Medical University of Vienna, and Cliff Rosendahl, University "
    "of Queensland. Tschandl P., Rosendahl C., Kittler H.: *The HAM10000 dataset, a large collection of multi-source "
    "dermatoscopic images of common pigmented skin lesions.* Sci. Data 5, 180161 (2018). doi:10.1038/sdata.2018.161. "
    "Masks: Tschandl P. et al.: *Human-computer collaboration for skin cancer recognition.* Nat. Med. 26, 1229-1234 "
    "(2020). doi:10.1038/s41591-020-0942-0. Images were cropped, resized and colour-normalised."
)
_ISIC = (
    "ISIC challenge data: Codella N. C. F. et al.: *Skin Lesion Analysis Toward Melanoma Detection* (arXiv:1710.05006, "
    "arXiv:1902.03368). Images were cropped, resized and colour-normalised."
)


def licence_of(licences: Sequence[str], ancestor: str = "") -> str:
    """The licence of weights trained on data under these. Non-commercial data make non-commercial weights; weights
    that descend from non-commercial ones stay so."""
    texts = [text.upper().replace("-", " ") for text in (*licences, ancestor)]
    if any("BY NC" in text for text in texts):
        return f"{NON_COMMERCIAL} (the network was trained on HAM10000 or other non-commercial images)"
    if licences and all("CC0" in text and "UNCONFIRMED" not in text for text in texts if text):
        return CC0
    return f"that of the training data: {', '.join(licences) or 'not stated'}; settle it before passing weights on"


def write_card(folder: Path, model: Model, about: Mapping[str, Any], command: str, parameters: int) -> None:
    """Write `README.md`. about: of the pack that was trained on. command: the line that trained it.

    Figures of an evaluation stand in the card where the folder has `evaluation.json`, of these very weights.
    """
    write_atomic(folder / NAME, text_of(folder, model, about, command, parameters).encode())


def family_text(folder: Path, parts: Mapping[str, Model], licence: str, command: str) -> str:
    """The card of a folder that holds one model per class: where each one's own card is. command: that trained all."""
    return "\n".join(
        [
            *_front_matter(licence),
            f"# Model card: `{folder.name}`",
            "",
            "One diffusion network for each class, with lesion masks, 128×128 pixels. Class guidance needs a network",
            "that knows them all and is not available. Synthetic pictures, for teaching and research. **Not for",
            "diagnosis.**",
            "",
            "| class | card | fingerprint |",
            "| --- | --- | --- |",
            *(
                f"| {name} | [{part.folder.name}]({part.folder.name}/{NAME}) | `{part.fingerprint}` |"
                for name, part in parts.items()
            ),
            "",
            *_trained_by(command),
            "## Limits",
            "",
            "Each card says what its network was trained on, how it was measured and what it can't do: data, figures,",
            "limits, skin tones and memorisation.",
            "",
            "## Licence and attribution",
            "",
            f"**{licence}**. Pictures made with it carry the same notice; the cards name the sources.",
            "",
        ]
    )


def text_of(folder: Path, model: Model, about: Mapping[str, Any], command: str, parameters: int) -> str:
    """The card as Markdown."""
    trained = model.config["trained"]
    unseen = model.config.get("saw_test_split") is False
    found = measured.read(folder)
    own = found is not None and found.fingerprint == model.fingerprint
    only = trained.get("only_class")
    classes = ", ".join(f"`{name}`" for name in model.classes if only in (None, name))
    return "\n".join(
        [
            *_front_matter(model.licence),
            f"# Model card: `{folder.name}`",
            "",
            f"A class-conditional diffusion network that paints {classes} with their lesion masks, 128×128 pixels.",
            "Synthetic pictures, for teaching and research. **Not for diagnosis**, and not for training a diagnostic",
            "system without saying so.",
            "",
            *_table(model, parameters),
            "",
            *_trained_by(command),
            *_training(trained, about),
            "",
            "## Figures",
            "",
            *_figures(folder, trained, found, own, unseen),
            "",
            *(_SHEET if (folder / SHEET).is_file() else ()),
            "## Limits",
            "",
            "- Structure that the training images don't resolve (pigment network, globules, streaks at the larger",
            f"  magnifications) is plausible texture, not anatomy. Magnification goes up to {model.max_zoom:g}.",
            "- Nothing but what the training images show: no palms, soles, mucosa or nails unless they are among them.",
            "- Look at the sheet before teaching with it, and have a dermatologist look at it.",
            "",
            "## Skin tones",
            "",
            *_skin_tones(about),
            "",
            "## Memorisation",
            "",
            *_memorisation(folder, found, own, unseen),
            "",
            "## Licence and attribution",
            "",
            f"**{model.licence}**. Pictures made with it carry the same notice.",
            "",
            *[f"- {line}" for line in _attribution(about, trained)],
            "",
        ]
    )


def _front_matter(licence: str) -> list[str]:
    """What hubs read."""
    short = "cc-by-nc-4.0" if NON_COMMERCIAL in licence else "cc0-1.0" if licence == CC0 else "other"
    return ["---", f"license: {short}", "tags: [diffusion, dermatoscopy, synthetic]", "---", ""]


def _trained_by(command: str) -> list[str]:
    return ["## Training", "", "```", command, "```", ""]


def _table(model: Model, parameters: int) -> list[str]:
    unet = model.config["unet"]
    widths = ", ".join(map(str, unet["block_out_channels"]))
    rows = {
        "architecture": f"diffusers `UNet2DModel`, widths {widths}, {unet['layers_per_block']} layers per level, "
        f"behind a 2×2 space-to-depth stem; {parameters / 1e6:.1f} M parameters, fp16, {len(model.shards)} "
        f"shard{'s' if len(model.shards) > 1 else ''}",
        "denoiser": f"EDM preconditioning, σ_data = {model.config['sigma_data']:g} (Karras et al. 2022)",
        "inputs": "RGB and lesion mask in [-1, 1]; a known map for colour and one for the mask (TD-Paint, "
        "arXiv:2410.09306); log₂ zoom; class",
        "classes": ", ".join(f"`{n}`" for n in model.classes) + f"; `{ANY_CLASS}` only for class guidance",
        "use down to": f"σ = {model.sigma_min:g} (`sigma_min`), colour smoothed by {model.chroma_radius:g} pixels",
        "fingerprint": f"`{model.fingerprint}` (SHA-256 of config and weights; each lesion records it)",
    }
    return ["| | |", "| --- | --- |", *[f"| {name} | {value} |" for name, value in rows.items()]]


def _training(trained: Mapping[str, Any], about: Mapping[str, Any]) -> list[str]:
    only = trained.get("only_class")
    counted = {name: number for name, number in about.get("counts", {}).items() if only in (None, name)}
    counts = ", ".join(f"{number:,} of class {name}" for name, number in counted.items())
    lines = [
        f"{trained['steps']:,} steps, {trained['images']:,} images drawn, {trained['seconds'] / 60:.1f} minutes on "
        f"{trained['device']}; exponential moving average of the weights. Data: {counts or trained['data']}"
        f" (pack {str(trained.get('pack', ''))[:16]}…)."
    ]
    refused = about.get("refused", {})
    if refused:
        lines.append("Left out by filters: " + ", ".join(f"{reason} {n}" for reason, n in refused.items()) + ".")
    if "test_images" in about:
        lines.append(f"{about['test_images']:,} images of the frozen test split were never trained on.")
    if trained.get("from"):
        lines.append(f"It began with the weights of {trained['from']}.")
    if trained.get("teacher"):
        lines.append(f"Its teacher was {trained['teacher']}.")
    return lines


def _figures(folder: Path, trained: Mapping[str, Any], found: Measured | None, own: bool, unseen: bool) -> list[str]:
    """own: whether the figures are of these weights."""
    losses = [name for name in ("first_loss", "last_loss") if name in trained]
    lines = ["| training loss, EDM-weighted, by the command above | value |", "| --- | --- |"] if losses else []
    lines += [f"| {name.replace('_', ' ')} | {trained[name]:.4f} |" for name in losses]
    if not unseen:
        lines += ["", "An ancestor of these weights saw the test split, so **no figures on that split can be stated**."]
    if found is not None and own:
        lines += ["", "Measured, with 95 % intervals, by:", "", "```", found.command, "```", "", *found.table()]
        lines += ["", *(f"- **Withheld**: {line}." for line in found.withheld)]
    elif found is not None:
        lines += ["", _of_others(found, folder)]
    elif unseen:
        lines += ["", f"Not measured yet: {_how_to_measure(folder)} does."]
    return lines


def _memorisation(folder: Path, found: Measured | None, own: bool, unseen: bool) -> list[str]:
    if found is not None and own:
        if not found.copies:
            return ["The evaluation had too few real pictures to tell copies from chance."]
        return [f"{' '.join(found.copies)} The command stands under Figures."]
    if found is not None:
        return [_of_others(found, folder)]
    how = f"Not measured yet; {_how_to_measure(folder)} compares pictures with training images."
    return [how if unseen else how + " Here an ancestor saw the test split too, so all real pictures are searched."]


def _of_others(found: Measured, folder: Path) -> str:
    return (
        f"`{EVALUATION}` is of other weights (fingerprint `{found.fingerprint[:16]}`); its figures are left out. "
        f"{_how_to_measure(folder)} measures these."
    )


def _how_to_measure(folder: Path) -> str:
    return f"`moulage evaluate {folder.name} --data DIR --json {folder.name}/{EVALUATION}`"


def _skin_tones(about: Mapping[str, Any]) -> list[str]:
    lines = [
        "Training moves every skin to one reference colour, and Moulage moves lesions to each patient's skin in",
        "optical density. What lesions look like on skin that no training image shows is a rule, not a measurement.",
    ]
    tones = about.get("phototypes") or {}
    if sum(tones.values()):
        counts = ", ".join(f"{name}: {number:,}" for name, number in tones.items())
        lines += ["", f"Training images by the phototype of their skin, by ITA in uncalibrated photographs: {counts}."]
    else:
        lines += ["", "How many training images show which skin was not counted."]
    known = [("HAM10000 shows", _of_ham10000(about)), ("The ISIC challenges show", _of_isic(about))]
    lines += ["", *(f"{name} hardly any skin above phototype III." for name, used in known if used)]
    return lines


def _of_ham10000(about: Mapping[str, Any]) -> bool:
    return any("HAM10000" in str(source) or "2018_Task3" in str(source) for source in about.get("sources", ()))


def _of_isic(about: Mapping[str, Any]) -> bool:
    return any("ISIC" in str(source) or "ISBI" in str(source) for source in about.get("sources", ()))


def _attribution(about: Mapping[str, Any], trained: Mapping[str, Any]) -> list[str]:
    sources = {str(source) for source in about.get("sources", ())}
    lines = [_HAM10000] if _of_ham10000(about) else []
    if _of_isic(about):
        lines.append(_ISIC)
    lines += [f"Source: {source}" for source in sorted(sources) if source and "HAM10000" not in source]
    lines += [f"Licence among the images: {licence}" for licence in about.get("licences", ())]
    lines = lines or ["The training data state no source."]
    parents = [trained[name] for name in ("from", "teacher") if trained.get(name)]
    return lines + [
        f"The sources that the card of {parent} names are those of these weights too." for parent in parents
    ]

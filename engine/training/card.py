"""The model card that a training writes: data, licence, command, figures with the commands that made them, limits."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.diffusion.checkpoint import ANY_CLASS, Model
from engine.errors import BadInput
from engine.output import write_atomic
from engine.training.sheet import NAME as SHEET

NAME = "README.md"
EVALUATION = "evaluation.json"
"""Where the JSON of `moulage evaluate` is looked for."""
SECTIONS = ("Training", "Figures", "Limits", "Skin tones", "Memorisation", "Licence and attribution")
NON_COMMERCIAL = "CC BY-NC 4.0"
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
        return "CC0 1.0 (all training images are)"
    return f"that of the training data: {', '.join(licences) or 'not stated'}; settle it before passing weights on"


def write_card(folder: Path, model: Model, about: Mapping[str, Any], command: str, parameters: int) -> None:
    """Write `README.md`. about: of the pack that was trained on. command: the line that trained it.

    Figures of an evaluation stand in the card where the folder has `evaluation.json`.
    """
    write_atomic(folder / NAME, text_of(folder, model, about, command, parameters).encode())


def family_text(folder: Path, parts: Mapping[str, Model], licence: str) -> str:
    """The card of a folder that holds one model per class: where each one's own card is."""
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
            f"**{licence}**. Pictures made with it carry the same notice.",
            "",
        ]
    )


def text_of(folder: Path, model: Model, about: Mapping[str, Any], command: str, parameters: int) -> str:
    """The card as Markdown."""
    trained = model.config["trained"]
    unseen = model.config.get("saw_test_split") is False
    classes = ", ".join(f"`{name}`" for name in model.classes)
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
            "## Training",
            "",
            "```",
            command,
            "```",
            "",
            *_training(trained, about),
            "",
            "## Figures",
            "",
            *_figures(folder, trained, unseen),
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
            "Training moves every skin to one reference colour, and Moulage moves lesions to each patient's skin in",
            "optical density. HAM10000 and the ISIC challenges show hardly any skin above phototype III, so what",
            "lesions look like on darker skin is a rule, not a measurement.",
            "",
            "## Memorisation",
            "",
            _memorisation(folder, unseen),
            "",
            "## Licence and attribution",
            "",
            f"**{model.licence}**. Pictures made with it carry the same notice.",
            "",
            *[f"- {line}" for line in _attribution(about)],
            "",
        ]
    )


def _front_matter(licence: str) -> list[str]:
    """What hubs read."""
    short = "cc-by-nc-4.0" if NON_COMMERCIAL in licence else "cc0-1.0" if "CC0" in licence else "other"
    return ["---", f"license: {short}", "tags: [diffusion, dermatoscopy, synthetic]", "---", ""]


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
    counts = ", ".join(f"{number:,} of class {name}" for name, number in about.get("counts", {}).items())
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


def _figures(folder: Path, trained: Mapping[str, Any], unseen: bool) -> list[str]:
    lines = ["| figure | value | command |", "| --- | --- | --- |"]
    for name in ("first_loss", "last_loss"):
        if name in trained:
            lines.append(f"| {name.replace('_', ' ')} (EDM-weighted, training batches) | {trained[name]:.4f} | above |")
    evaluation = _evaluation(folder)
    for entry in evaluation:
        lines.append(f"| {entry['name']} | {entry['value']} | `{entry['command']}` |")
    if not unseen:
        lines += ["", "An ancestor of these weights saw the test split, so **no figures on that split can be stated**."]
    elif not evaluation:
        lines += ["", f"Not measured yet: `moulage evaluate {folder.name} --data DIR` does."]
    return lines


def _memorisation(folder: Path, unseen: bool) -> str:
    for entry in _evaluation(folder):
        if any(word in entry["name"].lower() for word in ("memor", "cop")):
            return f"{entry['name']}: {entry['value']} (`{entry['command']}`)."
    how = f"Not measured yet; `moulage evaluate {folder.name} --data DIR` compares pictures with training images."
    return how if unseen else how + " Here an ancestor saw the test split too, so the comparison would flatter it."


def _evaluation(folder: Path) -> list[dict[str, str]]:
    """The figures of `evaluation.json` (`moulage evaluate --json`), as name, value and command; none without it."""
    path = folder / EVALUATION
    if not path.is_file():
        return []
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        command = " ".join(map(str, told["command"]))
        return [
            {
                "name": f"{figure['measure']}{', ' + figure['group'] if figure['group'] else ''}",
                "value": " · real: ".join(_estimate(figure[key]) for key in ("generated", "real") if figure[key]),
                "command": command,
            }
            for figure in told["figures"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: is no evaluation of `moulage evaluate --json` ({error}); remove it") from error


def _estimate(estimate: Mapping[str, Any]) -> str:
    """A value with its interval, where it has one."""
    value, low, high = (estimate.get(name) for name in ("value", "low", "high"))
    if value is None:
        return "not measurable"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _attribution(about: Mapping[str, Any]) -> list[str]:
    sources = {str(source) for source in about.get("sources", ())}
    lines = [_HAM10000] if any("HAM10000" in s or "2018_Task3" in s for s in sources) else []
    if any("ISIC" in source or "ISBI" in source for source in sources):
        lines.append(_ISIC)
    lines += [f"Source: {source}" for source in sorted(sources) if source and "HAM10000" not in source]
    lines += [f"Licence among the images: {licence}" for licence in about.get("licences", ())]
    return lines or ["The training data state no source."]

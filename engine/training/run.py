"""One training from folders or a pack to a model folder that is a model at any time: begun, continued, finished.

The output folder holds `config.json`, shards, card and sheet (a model as `engine.diffusion.checkpoint` reads it). Its
folder `training/` has the checkpoint and the packed data, which only continuing needs.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from engine.diffusion import checkpoint
from engine.diffusion.denoiser import UNetDenoiser
from engine.diffusion.noise import SIGMA_MIN
from engine.errors import BadInput, ModelError, MoulageError, OutputError
from engine.lock import WriterLock
from engine.output.atomic import telling
from engine.training import gathering, pack, seen, state
from engine.training.architecture import (
    SIZES,
    classes_chosen,
    fresh,
    inherit,
    parameters,
    same_architecture,
    unet_config,
    with_any,
)
from engine.training.card import licence_of, write_card
from engine.training.dataset import DEFAULT_CLASSES
from engine.training.devices import Devices
from engine.training.gathering import MIB, Say
from engine.training.packing import Filters
from engine.training.publish import Origin, config_of, write_family, write_model
from engine.training.settings import TrainSettings
from engine.training.sheet import NAME as SHEET
from engine.training.sheet import SEEDS, write_sheet
from engine.training.trainer import Stop, Teacher, Told, Training

INNER = "training"
PACK = "data.pack"
CHROMA_RADIUS = 2.5
"""Until a sheet shows that a network's colour has no speckle, its colour differences are smoothed."""


@dataclass(frozen=True)
class Wishes:
    """What is trained from what.

    data: folders, or packs; limit: images per class that are taken from folders. size: of the network, by `SIZES`;
    None is that of `start`, or the default. start: a model whose weights it begins with. teacher: a model whose
    answers it learns. sheet_every: steps; 0 is only at the end. sheet_steps: evaluations of each picture of a sheet.
    command: for the card. sigma_min, chroma_radius: of the finished model; None takes those of `start` or `teacher`.
    """

    data: tuple[Path, ...]
    output: Path
    settings: TrainSettings
    size: str | None = None
    start: str | None = None
    teacher: str | None = None
    classes: tuple[str, ...] = DEFAULT_CLASSES
    pack_mib: float = MIB
    filters: Filters = field(default_factory=Filters)
    limit: int | None = None
    sheet_every: int = 0
    sheet_steps: int | None = None
    command: str = "moulage train"
    sigma_min: float | None = None
    chroma_radius: float | None = None


class Run:
    """A training in its folder. `train` may be called, stopped, and called again by another process."""

    def __init__(self, wishes: Wishes, devices: Devices, say: Say) -> None:
        """Read data, models and, where there is one, the checkpoint. BadInput where one of them can't be used."""
        self.wishes, self.devices, self._say = wishes, devices, say
        for option, value, low, high in (
            ("--sigma-min", wishes.sigma_min, 1e-3, 1.0),
            ("--chroma-radius", wishes.chroma_radius, 0.0, 16.0),
        ):
            if value is not None and not low <= value <= high:
                raise BadInput(f"{option}: is {value:g}; it must lie between {low:g} and {high:g}")
        if wishes.size is not None and wishes.size not in SIZES:
            raise BadInput(f"--size: is {wishes.size!r}; choose {', '.join(SIZES)}")
        self._start = None if wishes.start is None else _model("--from", wishes.start)
        self._teacher = None if wishes.teacher is None else _model("--teacher", wishes.teacher)
        checkpoint_path = wishes.output / INNER / state.NAME
        _check_folder(wishes.output, checkpoint_path)
        with self._writing():
            self.pack = self._data()
        self.classes = with_any(self.pack.classes)
        network, self.unet = self._network()
        say(
            f"{parameters(network) / 1e6:.1f} M parameters, {len(self.pack):,} images, {devices.name}, "
            f"{devices.precision}"
        )
        self.training = Training(
            *(network, self.pack.shelves(), self.pack.classes, wishes.settings, devices, self.pack.digest),
            self._teaching(),
            {
                "from": None if self._start is None else self._start.folder.name,
                "teacher": None if self._teacher is None else self._teacher.fingerprint,
            },
        )
        if checkpoint_path.is_file():
            self.training.resume(checkpoint_path)
            say(f"continuing at step {self.training.progress.step:,}")
        self._checkpoint = checkpoint_path

    def train(self, told: Told | None = None, stop: Stop | None = None, seconds: float = math.inf) -> bool:
        """Train until it is over, stopped, or `seconds` have passed; write the model. Whether the training is over.

        Somebody who says stop doesn't wait for a new sample sheet. BadInput where another process trains in the folder.
        """
        every = self.wishes.sheet_every
        with self._writing():
            self.training.run(told, stop, self._checkpoint, self.publish, every, seconds)
            if self.devices.first:
                self.publish(with_sheet=stop is None or not stop())
            self.devices.wait()
        return self.training.done >= 1

    def publish(self, with_sheet: bool = True) -> None:
        """Make the folder the model that the averaged weights are now: weights, config, sheet, card."""
        from engine.generators.ddpm import DdpmGenerator

        wishes, folder = self.wishes, self.wishes.output
        about, parent = self.pack.about, self._start or self._teacher
        ancestors = [model for model in (self._start, self._teacher) if model is not None]
        licence = licence_of(about.get("licences", ()), " ".join(model.licence for model in ancestors))
        # A model that doesn't say counts as one that saw it.
        saw = any(m.config.get("saw_test_split") is not False for m in ancestors)
        sigma_min = wishes.sigma_min or (parent.sigma_min if parent else SIGMA_MIN)
        radius = wishes.chroma_radius
        if radius is None:
            radius = parent.chroma_radius if parent else CHROMA_RADIUS
        most = float(self.pack.arrays["zoom"][:, 1].max())
        origin = Origin(licence, self._trained(), saw)
        classes = self.classes
        write_model(
            folder,
            self.training.average,
            config_of(self.training.average, self.unet, classes, origin, sigma_min, radius, round(most, 2)),
        )
        seen.write(folder, self.pack.image_id, ancestors)
        model = checkpoint.find(folder)
        if with_sheet:
            generator = DdpmGenerator(folder, device=str(self.devices.device), threads=torch.get_num_threads())
            slow = self.devices.device.type == "cpu"
            title = f"What {folder.name} paints after {self.training.progress.step:,} steps"
            seeds = SEEDS[:3] if slow else SEEDS
            write_sheet(folder / SHEET, generator, title, wishes.sheet_steps or (12 if slow else 18), seeds)
        write_card(folder, model, about, wishes.command, parameters(self.training.average))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The sole right to write into the folder, for the length of the block. What stayed empty goes."""
        if not self.devices.first:
            yield
            return
        folder = self.wishes.output
        path = folder / INNER / state.NAME
        made = [place for place in path.parents if not place.exists()]
        with telling(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = WriterLock(path, _Held, OutputError)
        except _Held as error:
            holder = str(error).removeprefix(f"{path}: ")
            raise BadInput(f"-o: {folder} is being trained already: {holder}, or choose another folder") from error
        try:
            yield
        finally:
            lock.release()
            for place in made:
                with suppress(OSError):
                    place.rmdir()

    def _data(self) -> pack.Pack:
        wishes = self.wishes
        options = gathering.options(wishes.pack_mib, wishes.classes, wishes.filters, wishes.limit)
        if gathering.are_packs(wishes.data):
            return gathering.packs(wishes.data, options, self._say, wishes.settings.only_class)
        path = wishes.output / INNER / PACK
        if self.devices.first and not path.is_file():
            gathering.make_pack(
                *(wishes.data, path, wishes.pack_mib, wishes.classes, wishes.filters, self._say, wishes.limit)
            )
        self.devices.wait()  # also who comes when it is there already: all wait equally often
        made = pack.read(path)
        gathering.check_unchanged(made, wishes.data, options)
        return made

    def _network(self) -> tuple[UNetDenoiser, dict[str, Any]]:
        """A new network, with as many weights as its start or its teacher can give."""
        torch.manual_seed(self.wishes.settings.seed)
        size = self.wishes.size
        if self._start is not None and size is None:
            unet = {**self._start.config["unet"], "num_class_embeds": len(self.classes)}
        else:
            unet = unet_config(SIZES[size or "default"], self.classes)
        network = fresh(unet)
        parent = self._start or self._teacher
        if parent is not None:
            old = checkpoint.load(parent)
            theirs = tuple(parent.config["classes"])
            if self._start is not None or same_levels(network, old):
                source = classes_chosen(old, theirs, self.classes)
                share = inherit(network, source) / parameters(network)
                whole = same_architecture(network, source)
                how = "all of its weights" if whole else f"{share:.0%} of its weights, as part of a larger network,"
                self._say(f"begins with {how} from {parent.folder.name}")
        return network, unet

    def _teaching(self) -> Teacher | None:
        if self._teacher is None:
            return None
        network = classes_chosen(checkpoint.load(self._teacher), tuple(self._teacher.config["classes"]), self.classes)
        return Teacher(network, self._teacher.sigma_min)

    def _trained(self) -> dict[str, Any]:
        progress = self.training.progress
        told: dict[str, Any] = {
            "steps": progress.step,
            "images": progress.images,
            "seconds": round(progress.seconds),
            "device": self.devices.name,
            "data": ", ".join(self.pack.about.get("data", ())) or self.pack.path.name,
            "pack": self.pack.digest,
        }
        if self.wishes.settings.only_class is not None:
            told["only_class"] = self.wishes.settings.only_class
        for name, model in (("from", self._start), ("teacher", self._teacher)):
            if model is not None:
                told[name] = f"{model.folder.name} ({model.fingerprint})"
        if progress.history:
            told["first_loss"], told["last_loss"] = progress.history[0][1], _mean_of_last(progress.history)
        return told


def per_class(wishes: Wishes) -> list[Wishes]:
    """One training per class, each beginning with the same weights, in a folder of its own."""
    if wishes.start is None:
        raise BadInput("--per-class: fine-tunes a network; name it with --from")
    return [
        replace(
            wishes, output=wishes.output / name.replace(" ", "-"), settings=replace(wishes.settings, only_class=name)
        )
        for name in wishes.classes
    ]


def join_classes(wishes: Wishes) -> bool:
    """Make `-o` a model of one network per class, once all of them are there; whether they are."""
    folders = {own.settings.only_class: own.output for own in per_class(wishes)}
    if not all((folder / "config.json").is_file() for folder in folders.values()):
        return False
    parts = {str(name): checkpoint.find(folder) for name, folder in folders.items()}
    write_family(wishes.output, parts, wishes.command)
    return True


def same_levels(network: UNetDenoiser, other: UNetDenoiser) -> bool:
    """Whether one can be a part of the other."""
    one, two = (n.unet.config.block_out_channels for n in (network, other))  # type: ignore[union-attr]
    return len(one) == len(two)  # type: ignore[arg-type]


class _Held(MoulageError):
    """Another process trains in the folder."""


def _model(option: str, name: str) -> checkpoint.Model:
    """By its name. ModelError that names the option which gave it."""
    try:
        return checkpoint.find(name)
    except ModelError as error:
        raise ModelError(f"{option}: {str(error).removeprefix('--model: ')}") from error


def _check_folder(folder: Path, checkpoint_path: Path) -> None:
    """BadInput where the folder holds something that this training would overwrite."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"-o: {folder} is a file; give a folder")
    if folder.is_dir() and not checkpoint_path.is_file() and (folder / "config.json").is_file():
        raise BadInput(
            f"-o: {folder} holds a finished model; choose another folder, and --from {folder} to continue it"
        )


def _mean_of_last(history: Sequence[tuple[int, float]], count: int = 20) -> float:
    last = [loss for _, loss in history[-count:]]
    return sum(last) / len(last)

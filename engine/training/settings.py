"""How a network is trained: everything that changes the result, checked once."""

from dataclasses import dataclass
from typing import Any

from engine.errors import BadInput

SIZES_PER_STAGE = (32, 512)
OPTIONS = {
    "batch": "--batch",
    "learning_rate": "--learning-rate",
    "stages": "--stages",
    "seed": "--seed",
    "only_class": "--per-class",
    "from": "--from",
    "teacher": "--teacher",
}
"""What a continued training must share with the one it continues, by the options that set it."""


@dataclass(frozen=True)
class Stage:
    """A part of the training at one picture size. share: of the whole."""

    size: int
    share: float


@dataclass(frozen=True)
class TrainSettings:
    """Defaults are the measured recipe.

    steps: length of the whole schedule, exact; or minutes: its length by the clock. Exactly one of them.
    ema: decay of the weights' average at the end of its warm-up. floor: of the cosine, as a share of learning_rate.
    teacher_weight: how much of the target is the teacher's answer rather than the image, where there is a teacher.
    sharp_boost: how much more often images of the largest side are drawn than their number says.
    only_class: train on one class alone.
    """

    steps: int | None = None
    minutes: float | None = None
    batch: int = 16
    learning_rate: float = 3e-4
    warm_up: int = 200
    floor: float = 0.02
    weight_decay: float = 1e-3
    clip: float = 1.0
    ema: float = 0.9995
    stages: tuple[Stage, ...] = (Stage(128, 1.0),)
    class_dropout: float = 0.1
    smooth_skin: float = 0.15
    sharp_boost: float = 2.0
    teacher_weight: float = 0.8
    seed: int = 0
    only_class: str | None = None

    def __post_init__(self) -> None:
        """BadInput, naming the option, for values that can't be meant."""
        if (self.steps is None) == (self.minutes is None):
            raise BadInput("--steps, --minutes: give one of them as the training's length")
        for option, value, low, high in (
            ("--steps", self.steps, 1, 10_000_000),
            ("--minutes", self.minutes, 0.01, 100_000.0),
            ("--batch", self.batch, 1, 4096),
            ("--learning-rate", self.learning_rate, 1e-7, 0.1),
            ("--seed", self.seed, 0, 2**31 - 1),
        ):
            if value is not None and not low <= value <= high:
                raise BadInput(f"{option}: is {value:g}; it must lie between {low:g} and {high:g}")
        for stage in self.stages:
            if stage.size % 16 or not SIZES_PER_STAGE[0] <= stage.size <= SIZES_PER_STAGE[1] or stage.share <= 0:
                raise BadInput(
                    f"--stages: {stage.size}:{stage.share:g} must be a multiple of 16 between {SIZES_PER_STAGE[0]} and "
                    f"{SIZES_PER_STAGE[1]}, and a share above 0"
                )

    def size_at(self, done: float) -> int:
        """The picture size when this share of the training is over."""
        total, passed = sum(stage.share for stage in self.stages), 0.0
        for stage in self.stages:
            passed += stage.share / total
            if done < passed:
                return stage.size
        return self.stages[-1].size

    def describe(self) -> dict[str, Any]:
        """What a continued training must share with the one it continues."""
        return {
            "batch": self.batch,
            "learning_rate": self.learning_rate,
            "stages": [[stage.size, stage.share] for stage in self.stages],
            "seed": self.seed,
            "only_class": self.only_class,
        }


def stages_of(text: str) -> tuple[Stage, ...]:
    """Stages from `64:0.5,128:0.5`, or from `128` alone. BadInput where it is neither."""
    try:
        parts = [part.partition(":") for part in text.split(",")]
        return tuple(Stage(int(size), float(share or 1)) for size, _, share in parts)
    except ValueError as error:
        raise BadInput(f"--stages: {text!r} must be like 64:0.5,128:0.5") from error

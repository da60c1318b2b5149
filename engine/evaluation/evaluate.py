"""All measures of one network, in order, for one or several seeds: `evaluate` returns a `Report`.

Real pictures have three parts, apart by lesion: those that observers learn from, a reference that they never see, and
the frozen test split. A network that saw the test split gets no figure on it: it is compared with the reference, whose
pictures it has seen too, and the report says so.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from engine.errors import BadInput
from engine.evaluation import handmade, lines
from engine.evaluation.cache import observer_of
from engine.evaluation.distances import Features
from engine.evaluation.estimate import DRAWS
from engine.evaluation.external import EXTERNAL, Network
from engine.evaluation.figures import Figure, merged
from engine.evaluation.memorisation import Memorisation, memorisation
from engine.evaluation.observer import Fit, Observer, read
from engine.evaluation.pictures import Pictures, joined
from engine.evaluation.real import RealData
from engine.evaluation.report import Report
from engine.evaluation.samples import SampleSettings, sample_set, set_name
from engine.evaluation.skin_tones import generated_contrasts, tones
from engine.evaluation.usefulness import diets, usefulness
from engine.generators.ddpm import DdpmGenerator
from engine.generators.protocol import Cancel
from engine.training.seen import marks_of

REFERENCE_SHARE = 0.25
SAW = "saw_test_split"
"""The field of a model's config.json that must be false for figures on the test split."""
MOST_CHANCE = 1000
"""Real pictures that say which distances to the nearest are chance's."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Effort:
    """How much is done. count: generated pictures. seeds: repeats with other pictures, trainings and draws.

    steps: of an observer's training. most_learnt: pictures that observers learn from. tones: lesions per class and
    phototype.
    """

    count: int
    seeds: int
    steps: int
    draws: int
    most_learnt: int
    tones: int


QUICK = Effort(count=128, seeds=1, steps=300, draws=DRAWS, most_learnt=1500, tones=1)
LONG = Effort(count=3000, seeds=3, steps=3000, draws=400, most_learnt=20_000, tones=8)


@dataclass(frozen=True)
class Networks:
    """Networks of the user's own; None where there are none."""

    inception: Network | None = None
    lpips: Network | None = None


def evaluate(
    generator: DdpmGenerator,
    real: RealData,
    work: Path,
    effort: Effort,
    settings: SampleSettings,
    networks: Networks | None = None,
    told: Progress | None = None,
    cancel: Cancel | None = None,
) -> Report:
    """Run every measure. work: folder of sample sets and trained observers, taken up again where it has them.

    Test pictures of lesions that the network was trained on, by the list beside it, are left out.
    BadInput where nothing can be compared. Cancelled between two steps; what is finished stays in `work`.
    """
    if not saw_test_split(generator.model.config):
        real = real.without(marks_of(generator.model) or ())
    runs: dict[int, list[Figure]] = {}
    copies: dict[int, Memorisation] = {}
    withheld: dict[str, str] = {}
    remarks: list[str] = []
    seconds: dict[str, float] = {}
    pictures = 0
    for seed in range(settings.seed, settings.seed + effort.seeds):
        own = replace(settings, seed=seed)
        run = _Run(generator, real, work, effort, own, networks or Networks(), told, cancel)
        run.measure()
        runs[seed] = run.figures
        withheld |= run.withheld
        remarks += [remark for remark in run.remarks if remark not in remarks]
        pictures += len(run.generated)
        if run.memorised is not None:
            copies[seed] = run.memorised
        for name, value in run.seconds.items():
            seconds[name] = seconds.get(name, 0.0) + value
    return Report(
        _about(generator),
        real.about(),
        {**asdict(effort), **asdict(settings), "pictures": pictures},
        merged(list(runs.values())),
        runs,
        copies,
        withheld,
        remarks,
        seconds,
    )


def saw_test_split(config: Mapping[str, object]) -> str:
    """Why a model of that config may not be measured on the test split; "" where it may."""
    if config.get(SAW) is False:
        return ""
    if config.get(SAW) is True:
        return "the network, or one that it descends from, was trained on the test split"
    return f"the model's config.json doesn't say {SAW!r}: false, so it may have been trained on the test split"


class _Run:
    """One seed's way through the measures."""

    def __init__(
        self,
        generator: DdpmGenerator,
        real: RealData,
        work: Path,
        effort: Effort,
        settings: SampleSettings,
        networks: Networks,
        told: Progress | None,
        cancel: Cancel | None,
    ) -> None:
        self._generator, self._real, self._work, self._effort = generator, real, work, effort
        self._settings, self._networks, self._told, self._cancel = settings, networks, told, cancel
        self._seed = settings.seed
        self._fit = Fit(effort.steps, seed=settings.seed)
        self._barred = saw_test_split(generator.model.config)
        learnt, self._reference = _parts(real.train)
        self._learnt = lines.drawn(learnt, effort.most_learnt, self._seed)
        self.figures: list[Figure] = []
        self.withheld: dict[str, str] = {}
        self.remarks: list[str] = []
        self.seconds: dict[str, float] = {}
        self.memorised: Memorisation | None = None
        self.generated: Pictures

    def measure(self) -> None:
        """All of them."""
        with self._stage("samples"):
            self.generated = self._samples()
        with self._stage("observer"):
            observer = self._observer("observer", self._learnt)
        with self._stage("similarity"):
            self._similarity(observer)
        with self._stage("diversity"):
            lpips = self._networks.lpips
            self.figures += lines.diversity_lines(self.generated, self._reference, lpips, self._seed)
        with self._stage("fidelity"):
            self._fidelity(observer)
        with self._stage("usefulness"):
            self._usefulness()
        with self._stage("memorisation"):
            self._memorisation()
        with self._stage("skin tones"):
            self._tones()

    def _samples(self) -> Pictures:
        classes = self._generator.classes
        each = -(-self._effort.count // len(classes))
        folder = self._work / set_name(self._generator, self._settings)
        return sample_set(
            self._generator, folder, dict.fromkeys(classes, each), self._settings, self._tell("samples"), self._cancel
        )

    def _observer(self, name: str, pictures: Pictures) -> Observer:
        device = torch.device(self._generator.device)
        return observer_of(pictures, self._fit, self._work / "observers", device, self._tell(name), self._cancel)

    def _similarity(self, observer: Observer) -> None:
        """Against test pictures; where the network saw them, against training pictures, with a plain word."""
        views: dict[str, Callable[[Pictures], Features]] = {
            "learnt": lambda p: read(observer, p.rgb).features,
            "hand-made": lambda p: handmade.features(p.rgb),
        }
        inception = self._networks.inception
        if inception is not None:
            views[EXTERNAL] = lambda p: inception.features(p.rgb)
        sets, words = (self._real.test, self._reference), "training beside test pictures"
        if self._barred:
            sets, words = (self._reference, self._real.test), "test beside training pictures"
            self.withheld["similarity to test pictures"] = self._barred
            self.remarks.append(
                "likeness: compared with training pictures, which the network has seen; others may suit it less"
            )
        found = lines.similarity_lines(
            self.generated, *sets, views, words, self._seed, self._effort.draws, raw={EXTERNAL}
        )
        self._add(found)

    def _fidelity(self, observer: Observer) -> None:
        """Masks and classes, by an observer that learnt from real pictures only."""
        ours, theirs = ((p, read(observer, p.rgb)) for p in (self.generated, self._real.test))
        if bool(self._learnt.masked.any()) and bool(self._real.test.masked.any()):
            self.figures += lines.mask_lines(ours, theirs, self._seed)
        else:
            self.remarks.append("mask fidelity: needs real pictures with masks, to learn from and to be tested on")
        if len(self._learnt.known_classes) > 1:
            self._add(lines.class_lines(ours, theirs, self._seed, self._effort.draws))
        else:
            self.remarks.append("class fidelity: needs real nevi and melanomas to learn from")

    def _usefulness(self) -> None:
        if self._barred:
            self.withheld["usefulness on test pictures"] = self._barred
            return
        chosen, remark = diets(self._learnt, self.generated, self._seed)
        if remark:
            self.remarks.append(f"usefulness: {remark}")
        test = self._real.test
        for group in chosen:
            results = []
            for diet in group:
                observer = self._observer(f"usefulness: {diet.name}", diet.pictures)
                results.append(usefulness(diet, test, read(observer, test.rgb), self._seed, self._effort.draws))
            self.figures += lines.usefulness_lines(results)

    def _memorisation(self) -> None:
        """A network that saw everything is searched for in everything; real pictures then stand for themselves."""
        train, test = self._real.train, self._real.test
        gallery, real, words = train, test, "test pictures"
        if self._barred:
            gallery, real, words = joined([train, test]), self._reference, "pictures of other lesions"
        real = lines.drawn(real, MOST_CHANCE, self._seed)
        found = memorisation(self.generated, gallery, real, self._seed, self._effort.draws, self._cancel)
        if found is None:
            self.remarks.append(
                "memorisation: left out; it takes more training pictures, or more others, to say what chance does"
            )
            return
        self.memorised = found
        self._add(lines.memorisation_lines(found, self.generated, len(gallery), words))

    def _tones(self) -> None:
        ours = generated_contrasts(self._generator, self._effort.tones, self._settings, self._cancel)
        self.figures += lines.tone_lines(tones(ours, self._real.contrasts, self._seed))

    def _add(self, found: lines.Lines) -> None:
        self.figures += found[0]
        self.remarks += found[1]

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        if self._told is not None:
            self._told(name, 0, 1)
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started

    def _tell(self, name: str) -> Callable[[int, int], None] | None:
        told = self._told
        return None if told is None else lambda done, total: told(name, done, total)


def _about(generator: DdpmGenerator) -> dict[str, object]:
    return {
        "name": generator.model.folder.name,
        "fingerprint": generator.fingerprint,
        "licence": generator.licence,
        "classes": list(generator.classes),
        "precision": generator.precision,
        SAW: generator.model.config.get(SAW),
    }


def _parts(train: Pictures) -> tuple[Pictures, Pictures]:
    """What observers learn from, and the reference: apart by lesion, always the same."""
    lesions = sorted(set(train.lesion))
    if len(lesions) < 2:
        raise BadInput("--data: all training pictures show one lesion; nothing can be compared")
    drawn = np.random.default_rng(len(lesions)).permutation(len(lesions))
    kept = {lesions[i] for i in drawn[: max(1, round(REFERENCE_SHARE * len(lesions)))]}
    reference = np.array([lesion in kept for lesion in train.lesion])
    return train.take(~reference), train.take(reference)

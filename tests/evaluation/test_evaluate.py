"""The whole evaluation: every measure has its lines, flattering figures are withheld, and it can be repeated."""

import copy
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.evaluation.evaluate import SAW, Effort, Networks, evaluate, saw_test_split
from engine.evaluation.external import Network
from engine.evaluation.figures import HEADINGS, markdown, rows
from engine.evaluation.reader_study import reader_study
from engine.evaluation.real import RealData, read_real
from engine.evaluation.report import SCHEMA, VERSION, Report
from engine.evaluation.samples import SampleSettings
from engine.generators.ddpm import DdpmGenerator
from engine.training import seen
from tests.evaluation.lesions import CLASSES, pictures, write_folder
from tests.evaluation.onnx_files import mean_colour

pytestmark = pytest.mark.timeout(900)  # half a minute of work, which a busy machine may take ten times as long for
EFFORT = Effort(count=32, seeds=1, steps=4, draws=20, most_learnt=60, tones=0)
SETTINGS = SampleSettings(steps=2)
ONCE = (
    "Fréchet distance, learnt features",
    "coverage, hand-made features",
    "MS-SSIM of pairs",
    "Dice of observer and mask",
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> RealData:
    folder = write_folder(tmp_path_factory.mktemp("real") / "data", 100, 1)
    return read_real([folder], CLASSES)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def guilty(generator: DdpmGenerator, real: RealData, work: Path) -> Report:
    """Of the shipped weights."""
    return evaluate(generator, real, work, EFFORT, SETTINGS)


@pytest.fixture(scope="module")
def clean(innocent: DdpmGenerator, real: RealData, work: Path) -> Report:
    """Of weights whose config says that they never saw the test split; with a feature network of the user's."""
    networks = Networks(Network(mean_colour(work / "mean.onnx"), "--inception"))
    return evaluate(innocent, real, work, replace(EFFORT, tones=1), SETTINGS, networks)


def test_every_measure_has_its_line_per_class(clean: Report) -> None:
    lines = {(figure.measure, figure.group) for figure in clean.figures}
    assert {(measure, group) for measure in ONCE for group in CLASSES} <= lines
    assert ("AUC, melanoma or nevus", "both") in lines
    assert sum(measure.startswith("ABCD") for measure, _ in lines) == 4
    assert {f"{c}, {t}" for c in CLASSES for t in ("I", "VI")} <= {group for _, group in lines}
    assert ("distance to nearest / next 50 real", "all") in lines
    diets = [g for m, g in lines if m == "Dice on test pictures, learnt from"]
    assert {diet.partition(" (")[0] for diet in diets} == {"real", "real + generated 1×", "generated only"}
    for figure in clean.figures:
        assert figure.generated is not None and math.isfinite(figure.generated.value), figure.measure


def test_a_users_network_is_compared_by_its_own_scale(clean: Report) -> None:
    """Mean colours of real pictures differ by hundredths; standardised, by tenths and more."""
    found = [f.real for f in clean.figures if f.measure == "Fréchet distance, Inception features"]
    assert len(found) == 2
    assert all(estimate is not None and 0 < estimate.value < 0.03 for estimate in found)


def test_a_run_of_too_few_pictures_says_so_in_words(
    guilty: Report, generator: DdpmGenerator, real: RealData, work: Path
) -> None:
    few = evaluate(generator, real, work, replace(EFFORT, count=2), SETTINGS)
    assert len(few.figures) < len(guilty.figures)
    assert sum(remark.startswith("likeness, ") and "left out" in remark for remark in few.remarks) == 2
    printed = [cell for row in rows(few.figures) for cell in row] + list(few.remarks)
    assert not any(word in ("nan", "inf", "none") for text in printed for word in re.findall(r"\w+", text.lower()))
    assert "NaN" not in json.dumps(few.document([]), allow_nan=False)


def test_weights_that_saw_the_test_split_get_no_figure_on_it(guilty: Report, clean: Report) -> None:
    assert set(guilty.withheld) == {"similarity to test pictures", "usefulness on test pictures"}
    assert not clean.withheld
    assert not any("learnt from" in figure.measure for figure in guilty.figures)
    for figure in guilty.figures:
        if "features" in figure.measure:
            assert figure.beside == "test beside training pictures"
    assert any("has seen" in remark for remark in guilty.remarks)
    assert {f.beside for f in clean.figures if "features" in f.measure} == {"training beside test pictures"}


def test_only_a_plain_no_counts_as_not_having_seen_the_test_split() -> None:
    assert saw_test_split({SAW: False}) == ""
    assert all(saw_test_split(config) for config in ({}, {SAW: True}, {SAW: "false"}, {SAW: None}, {SAW: 0}))


def test_a_network_that_was_trained_on_the_test_pictures_is_not_measured_on_them(
    innocent: DdpmGenerator, real: RealData, work: Path, tmp_path: Path
) -> None:
    """By the list beside the weights."""
    seen.write(tmp_path, real.test.name, [])
    told = copy.copy(innocent)
    told.model = replace(innocent.model, folder=tmp_path)
    with pytest.raises(BadInput, match=f"trained on all {len(real.test)} test pictures"):
        evaluate(told, real, work, EFFORT, SETTINGS)


def test_a_second_run_takes_everything_up_and_says_the_same(
    generator: DdpmGenerator, real: RealData, work: Path, guilty: Report
) -> None:
    stages: list[tuple[str, int]] = []
    again = evaluate(
        generator, real, work, EFFORT, SETTINGS, told=lambda name, done, total: stages.append((name, done))
    )
    assert rows(again.figures) == rows(guilty.figures)
    assert max(done for name, done in stages if name == "observer") == 0, "trained anew"


def test_the_document_is_json_that_says_how_it_was_made(guilty: Report) -> None:
    document = json.loads(json.dumps(guilty.document(["moulage", "evaluate"]), allow_nan=False))
    assert (document["schema"], document["version"]) == (SCHEMA, VERSION)
    assert document["command"] == ["moulage", "evaluate"]
    assert document["environment"]["packages"]["torch"]
    assert document["model"]["fingerprint"] and document["model"][SAW] is True
    assert len(document["figures"]) == len(guilty.figures)
    assert document["data"]["train"]["nevus"] > 60 and document["settings"]["steps"] == 2
    table = markdown(guilty.figures).splitlines()
    assert len(table) == len(guilty.figures) + 2 and table[0].count("|") == len(HEADINGS) + 1


def test_data_without_masks_leave_out_what_needs_them(generator: DdpmGenerator, tmp_path: Path, work: Path) -> None:
    bare = read_real([write_folder(tmp_path / "bare", 90, 3, masks=False)], CLASSES)
    found = evaluate(generator, bare, work, EFFORT, SETTINGS)
    assert not any("Dice" in figure.measure for figure in found.figures)
    assert any(remark.startswith("mask fidelity: needs") for remark in found.remarks)
    assert any(figure.measure.startswith("AUC") for figure in found.figures)


def test_a_reader_study_mixes_both_kinds_and_keeps_the_key_apart(tmp_path: Path) -> None:
    generated, real = pictures(20, 1, "made"), pictures(20, 2, "photo")
    sheets = reader_study(tmp_path / "study", generated, real, "model", "CC BY-NC 4.0", 0)
    assert sheets == 3
    key = (tmp_path / "study" / "key" / "key.csv").read_text().splitlines()[1:]
    assert len(key) == 3 * 24
    kinds = [row.split(",")[1] for row in key]
    assert 30 <= kinds.count("real") <= 42
    assert len({row.split(",")[3] for row in key}) == 72, "a picture occurs twice"
    first = [row.split(",")[1:3] for row in key[:24]]
    assert len({tuple(kind) for kind in first}) == 4
    answers = (tmp_path / "study" / "answers.csv").read_text()
    assert len(answers.splitlines()) == 73
    for path in (tmp_path / "study").iterdir():
        if path.is_file():
            assert b"photo-2" not in path.read_bytes() and b"made-1" not in path.read_bytes()
    with pytest.raises(BadInput, match="--reader-study"):
        reader_study(tmp_path / "few", pictures(3, 1), real, "model", "", 0)

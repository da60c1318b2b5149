"""The card tells what is so of these weights and these data: an evaluation of others, or other data sets, stay out."""

import json
import math
from dataclasses import replace

import pytest
import torch
import trees

from engine.diffusion import checkpoint
from engine.errors import BadInput
from engine.evaluation.estimate import Estimate
from engine.evaluation.figures import Figure
from engine.evaluation.memorisation import Memorisation
from engine.evaluation.report import Report
from engine.training import card, measured
from engine.training.devices import Devices
from engine.training.run import Run, Wishes
from engine.training.settings import Stage, TrainSettings

COMMAND = ["moulage", "evaluate", "wax", "--data", "images"]
PLAIN = Estimate(0.25, math.nan, math.nan, 8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Wishes:
    """One step on drawn images that are free and of no public data set."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("training")
    data = trees.simple(folder / "data", trees.drawn(16))
    settings = TrainSettings(steps=1, batch=2, stages=(Stage(32, 1.0),))
    wishes = Wishes((data,), folder / "wax", settings, size="tiny", pack_mib=4, command="moulage train --data data")
    assert Run(wishes, Devices("cpu", "fp32"), print).train(stop=lambda: True)
    return wishes


def report(fingerprint: str, *copies: Memorisation) -> Report:
    """What `moulage evaluate` makes of a network with that fingerprint."""
    figures = [
        Figure("kernel distance, learnt features", "nevus", Estimate(0.5, 0.4, 0.6, 8), PLAIN, "real", "low"),
        Figure("Dice on test pictures, learnt from", "real | made", Estimate(math.nan, 0, 0, 8), None, "", "high"),
        Figure("kernel distance, Inception features", "nevus", replace(PLAIN, value=0.00042), PLAIN, "real", "low"),
    ]
    withheld = {"usefulness on test pictures": "too few"}
    model = {"name": "wax", "fingerprint": fingerprint}
    return Report(model, {}, {}, figures, {0: figures}, dict(enumerate(copies)), withheld, [])


def section(text: str, name: str) -> str:
    return text.partition(f"## {name}\n")[2].partition("\n## ")[0]


def card_with(wishes: Wishes, evaluation: str | None, about: dict[str, object] | None = None) -> str:
    """The card of the model that was trained, with that file beside it."""
    path = wishes.output / measured.NAME
    if evaluation is not None:
        path.write_text(evaluation, encoding="utf-8")
    try:
        return card.text_of(wishes.output, checkpoint.find(wishes.output), about or {}, wishes.command, 1)
    finally:
        path.unlink(missing_ok=True)


def test_an_evaluation_of_these_weights_stands_in_the_card_with_its_command_once(trained: Wishes) -> None:
    found = Memorisation(PLAIN, PLAIN, 0.6, 3, 1.28, 0.142, (("made-1", "ISIC_7", 0.5),))
    fingerprint = checkpoint.find(trained.output).fingerprint
    text = card_with(trained, json.dumps(report(fingerprint, found).document(COMMAND)))
    figures = section(text, "Figures")
    assert text.count("moulage evaluate wax --data images") == 1
    assert "| measure | of | generated | real |\n| --- | --- | --- | --- |\n" in figures
    assert "| kernel distance, learnt features | nevus | 0.500 (0.400 to 0.600) | 0.250 |" in figures
    assert "| Dice on test pictures, learnt from | real / made | not measurable |  |" in figures
    assert "| kernel distance, Inception features | nevus | 0.00042 | 0.250 |" in figures
    assert "**Withheld**: usefulness on test pictures: too few." in figures
    copies = section(text, "Memorisation")
    assert "3 generated pictures lie nearer" in copies and "chance 1.3 would, p = 0.142: no sign of copies." in copies
    assert "ISIC_7" not in text, "a card names no training image"


def test_each_seed_says_what_it_found_of_copies(trained: Wishes) -> None:
    few = Memorisation(PLAIN, PLAIN, 0.6, 1, 1.0, 0.6, (("made-1", "ISIC_7", 0.59),))
    fingerprint = checkpoint.find(trained.output).fingerprint
    document = report(fingerprint, few, replace(few, suspicious=40, probability=0.0)).document(COMMAND)
    told = section(card_with(trained, json.dumps(document)), "Memorisation")
    assert told.index("Seed 0: 1 generated") < told.index("no sign of copies") < told.index("Seed 1: 40 generated")
    assert told.index("Seed 1: 40") < told.index("**more than chance explains**")
    told = section(card_with(trained, json.dumps(report(fingerprint).document(COMMAND))), "Memorisation")
    assert "too few real pictures" in told


def test_figures_of_other_weights_are_left_out(trained: Wishes) -> None:
    text = card_with(trained, json.dumps(report("f" * 64).document(COMMAND)))
    assert "kernel distance" not in text and "moulage evaluate wax --data images" not in text
    for name in ("Figures", "Memorisation"):
        assert "is of other weights (fingerprint `ffffffffffffffff`)" in section(text, name)


def test_writing_a_finished_model_once_more_keeps_its_figures(trained: Wishes) -> None:
    """As the documentation tells: evaluate, then say the training's line again."""
    fingerprint = checkpoint.find(trained.output).fingerprint
    path = trained.output / measured.NAME
    path.write_text(json.dumps(report(fingerprint).document(COMMAND)), encoding="utf-8")
    try:
        assert Run(trained, Devices("cpu", "fp32"), print).train(stop=lambda: True)
    finally:
        path.unlink()
    assert checkpoint.find(trained.output).fingerprint == fingerprint
    assert "0.500 (0.400 to 0.600)" in (trained.output / card.NAME).read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", "[" * 100_000, '{"model": {"fingerprint": 1}, "command": 2}'])
def test_another_file_is_no_evaluation(trained: Wishes, text: str) -> None:
    with pytest.raises(BadInput, match="is no evaluation of `moulage evaluate --json`") as told:
        card_with(trained, text)
    assert "\n" not in str(told.value)


def test_data_sets_are_named_only_where_they_were_used(trained: Wishes) -> None:
    text = (trained.output / card.NAME).read_text(encoding="utf-8")
    assert "HAM10000" not in text and "ISIC" not in text and "CC0 1.0" in text
    challenge = card_with(trained, None, {"sources": ["ISIC-2017_Training_Data"]})
    assert "The ISIC challenges show" in section(challenge, "Skin tones") and "HAM10000" not in challenge
    both = card_with(trained, None, {"sources": ["HAM10000"]})
    assert "HAM10000 shows" in section(both, "Skin tones") and "doi:10.1038/sdata.2018.161" in both


def test_skin_tones_are_counted_where_the_pack_has_them(trained: Wishes) -> None:
    counted = section(card_with(trained, None, {"phototypes": {"I": 12, "II": 1300, "VI": 0}}), "Skin tones")
    assert "I: 12, II: 1,300, VI: 0." in counted
    for about in ({}, {"phototypes": {"I": 0}}):
        assert "was not counted" in section(card_with(trained, None, dict(about)), "Skin tones")


def test_sources_of_ancestors_are_referred_to(trained: Wishes) -> None:
    model = checkpoint.find(trained.output)
    config = {**model.config, "trained": {**model.config["trained"], "teacher": "default (8730)"}}
    text = card.text_of(trained.output, replace(model, config=config), {}, "moulage train", 1)
    assert "the card of default (8730) names" in section(text, "Licence and attribution")


def test_hubs_are_told_a_licence_only_where_it_is_settled() -> None:
    for licences, short in (
        (("CC0-1.0",), "cc0-1.0"),
        (("CC0-1.0", "CC0-1.0 (unconfirmed)"), "other"),
        (("CC-BY-NC-4.0", "CC0-1.0"), "cc-by-nc-4.0"),
    ):
        assert f"license: {short}" in card._front_matter(card.licence_of(licences))

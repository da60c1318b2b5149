"""The shipped weights paint what their card's sheet shows."""

import cv2
import numpy as np
import pytest

from docs.figures import model_samples
from engine.colour import from_network, to_bytes
from engine.diffusion.checkpoint import BUNDLED
from engine.generators.ddpm import DdpmGenerator
from engine.sheet import contact_sheet
from engine.training.publish import SHARD_BYTES

SHIPPED = sorted(path.parent.name for path in BUNDLED.glob("*/config.json"))
COLUMNS = 1
LEAST_DB = 40.0


def tile_places() -> dict[tuple[int, int], tuple[slice, slice]]:
    """Where each tile lies, found on a sheet whose tiles are flat and all different."""
    names = [f"{c}, {how}" for c in model_samples.CLASSES for how in model_samples.HOW]
    side, seeds = model_samples.SIDE, model_samples.SEEDS
    flat = [
        [np.full((side, side, 3), (7, row, column), np.uint8) for column in range(len(seeds))]
        for row in range(len(names))
    ]
    sheet = contact_sheet(flat, names, [f"seed {s}" for s in seeds], model_samples.TITLE, "synthetic")
    places = {}
    for row in range(len(names)):
        for column in range(len(seeds)):
            y, x = np.nonzero((sheet == (7, row, column)).all(-1))
            places[row, column] = np.s_[y.min() : y.max() + 1, x.min() : x.max() + 1]
    return places


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_weights_paint_their_cards_sheet(name: str) -> None:
    generator = DdpmGenerator(name, "cpu", arithmetic="fp32")
    sheet = cv2.imread(str(BUNDLED / name / "samples.png"))[..., ::-1]
    places = tile_places()
    how = "skin and shape known"
    for number, lesion_class in enumerate(model_samples.CLASSES):
        requests = [model_samples.request(lesion_class, how, seed) for seed in model_samples.SEEDS[:COLUMNS]]
        row = number * len(model_samples.HOW) + list(model_samples.HOW).index(how)
        for column, result in enumerate(generator.generate(requests)):
            painted = to_bytes(from_network(result.rgb.transpose(1, 2, 0))).astype(float)
            error = np.square(painted - sheet[places[row, column]]).mean()
            assert 10 * np.log10(255**2 / max(error, 1e-9)) >= LEAST_DB, (lesion_class, column)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_complete(name: str) -> None:
    folder = BUNDLED / name
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: cc-by-nc-4.0\n")
    assert "CC BY-NC 4.0" in card and "HAM10000" in card and "Not for diagnosis" in card and "samples.png" in card
    shards = list(folder.rglob("*.safetensors"))
    assert shards and all(shard.stat().st_size <= SHARD_BYTES for shard in shards)
    assert "CC BY-NC 4.0" in DdpmGenerator(name, "cpu", arithmetic="fp32").licence

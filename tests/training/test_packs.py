"""A pack holds what was put in, fits its budget, and is refused when anything in it was changed."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import trees
from PIL import Image
from safetensors.numpy import load_file, save_file

from engine.colour import LINEAR_OF_BYTE, SkinColour, ita_degrees, linear_to_lab, phototype, to_bytes
from engine.errors import BadInput, DataError
from engine.training import layouts, pack, packing
from engine.training.gathering import make_pack
from engine.training.packing import Filters
from engine.training.pictures import read_mask, read_rgb
from engine.training.preparation import cut, normalised, outside, square
from engine.training.split import is_test

CLASSES = ("nevus", "melanoma")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.simple(tmp_path_factory.mktemp("data"), trees.drawn(24))


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pack") / "lesions.pack"
    make_pack([folder], path, 4, CLASSES, Filters(), lambda _: None)
    return path


def test_a_pack_holds_every_training_image_and_no_other(folder: Path, whole: Path) -> None:
    images = trees.drawn(24)
    packed = pack.read(whole)
    assert set(packed.image_id) == {i.image_id for i in images if not is_test(i.lesion_id)}
    assert packed.about["test_images"] == sum(is_test(i.lesion_id) for i in images) > 0
    assert packed.classes == CLASSES and packed.about["licences"] == ["CC0-1.0"]
    (shelf,) = packed.shelves()
    names = {s.image_id: s for s in layouts.read([folder]).samples}
    for number, image_id in enumerate(packed.image_id):
        original = square(names[image_id]).resized(shelf.side)
        difference = shelf.pixels[number, :3].numpy().transpose(1, 2, 0).astype(int) - original.rgb
        assert np.abs(difference).mean() < 4
        assert np.array_equal(shelf.pixels[number, 3].numpy() > 127, original.mask)
        left, top, right, bottom = (shelf.box[number] * shelf.side).round().int().tolist()
        assert original.mask[top:bottom, left:right].sum() == original.mask.sum()


def test_a_smaller_budget_makes_smaller_images(folder: Path) -> None:
    samples = layouts.read([folder]).samples
    generous = packing.side_within(samples, Filters(), 4 << 20)[0]
    needed = packing.prepare(samples, Filters(), generous, generous).size
    tight = packing.side_within(samples, Filters(), int(0.7 * needed))[0]
    assert tight < generous
    assert packing.prepare(samples, Filters(), tight, 2 * tight).size <= 0.7 * needed
    with pytest.raises(DataError, match="MiB at 128 pixels"):
        packing.side_within(samples, Filters(), 1000)


def test_of_several_copies_the_largest_is_packed(tmp_path: Path) -> None:
    trees.save(tmp_path / "images" / "ISIC_0000001.jpg", tmp_path / "masks" / "ISIC_0000001.png", 1)
    trees.table(tmp_path / "metadata.csv", ("image_id", "dx"), [("ISIC_0000001", "nv")])
    large = tmp_path / "large"
    trees.save(large / "images" / "ISIC_0000001.jpg", large / "masks" / "ISIC_0000001.png", 1, (192, 144))
    trees.table(large / "metadata.csv", ("image_id", "dx"), [("ISIC_0000001", "nv")])
    (chosen,) = packing.sharpest(layouts.read([tmp_path]).samples)
    assert chosen.size == (192, 144)


def test_a_limit_holds_per_class_and_keeps_the_order(folder: Path) -> None:
    samples = layouts.read([folder]).samples
    kept = packing.limited(samples, 5)
    assert [s.lesion_class for s in kept].count("nevus") == [s.lesion_class for s in kept].count("melanoma") == 5
    assert [samples.index(s) for s in kept] == sorted(samples.index(s) for s in kept)
    assert packing.limited(samples, 1000) == list(samples)


def changed(path: Path, target: Path, change: Callable[[dict, dict], object]) -> Path:
    """A copy of a pack with other arrays or heading."""
    from safetensors import safe_open

    arrays = {name: values.copy() for name, values in load_file(path).items()}
    with safe_open(path, framework="numpy") as stream:
        heading = dict(stream.metadata())
    change(arrays, heading)
    save_file(arrays, target, heading)
    return target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, h: a["rgb.bytes"].__setitem__(500, a["rgb.bytes"][500] ^ 1), "damaged"),
        (lambda a, h: a["rgb.offsets"].__setitem__(3, 10**12), "offsets"),
        (lambda a, h: a["label"].__setitem__(0, 7), "impossible sides or classes"),
        (lambda a, h: a["side"].__setitem__(0, 10**6), "impossible sides or classes"),
        (lambda a, h: a["zoom"].__setitem__((0, 1), np.nan), "magnifications"),
        (lambda a, h: a["box"].__setitem__((0, 1), -3), "outside their pictures"),
        (lambda a, h: a.pop("box"), "lacks arrays"),
        (lambda a, h: h.update(format="moulage-pack-0"), "no pack of this version"),
        (lambda a, h: h.update(image_id=json.dumps(["one"])), "names don't fit"),
        (lambda a, h: h.update(about="[" * 100_000), "damaged, or no pack"),
    ],
)
def test_a_changed_pack_is_refused(
    whole: Path, tmp_path: Path, change: Callable[[dict, dict], object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        pack.read(changed(whole, tmp_path / "other.pack", change))


def test_a_cut_pack_is_refused(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.pack"
    path.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(DataError, match="damaged, or no pack"):
        pack.read(path)


def test_nothing_left_is_one_clear_line(tmp_path: Path, folder: Path) -> None:
    tested = [d for d in trees.drawn(60) if is_test(d.lesion_id)]
    only = trees.simple(tmp_path / "tested", tested)
    for arguments, message in (
        (([only], CLASSES, Filters()), "all .* images lie in the test split"),
        (([folder], ("dermatofibroma",), Filters()), "no image with a mask of class dermatofibroma"),
        (([folder], CLASSES, Filters(share=(0.9, 1.0))), "no image is left .* too small or too large"),
        (([folder / "images"], CLASSES, Filters()), "no layout that is known"),
    ):
        folders, classes, filters = arguments
        with pytest.raises(DataError, match=message) as told:
            make_pack(folders, tmp_path / "none.pack", 4, classes, filters, lambda _: None)
        assert "\n" not in str(told.value) and not (tmp_path / "none.pack").exists()
    with pytest.raises(BadInput, match="--mib"):
        make_pack([folder], tmp_path / "none.pack", -1, CLASSES, Filters(), lambda _: None)


def test_a_pack_says_how_many_images_each_phototype_has(folder: Path, whole: Path, tmp_path: Path) -> None:
    packed = pack.read(whole)
    tones = packed.about["phototypes"]
    assert list(tones) == ["I", "II", "III", "IV", "V", "VI"] and sum(tones.values()) == len(packed)
    assert tones["VI"] == 0
    dark = trees.simple(tmp_path / "dark", trees.drawn(12))
    for path in (dark / "images").iterdir():  # a deep brown skin, beyond the gain that training allows itself
        rgb = np.asarray(Image.open(path)).astype(float)
        Image.fromarray((rgb * (0.36, 0.3, 0.26)).astype(np.uint8)).save(path)
    made = make_pack([dark], tmp_path / "dark.pack", 4, CLASSES, Filters(dark_corners=None), lambda _: None)
    assert made.about["phototypes"]["VI"] == len(made) > 5


def test_normalising_by_bytes_is_normalising_in_linear_light(folder: Path) -> None:
    for number, sample in enumerate(layouts.read([folder]).samples[:8]):
        rgb, mask = cut(read_rgb(sample.image), read_mask(sample.mask))
        rgb, mask = rgb[: len(rgb) - number % 2], mask[: len(mask) - number % 2]
        linear = LINEAR_OF_BYTE[rgb]
        skin = outside(mask) & (linear @ np.array([0.2126, 0.7152, 0.0722], np.float32) > 0.012)
        colour = SkinColour.for_training(linear, skin)
        found = normalised(rgb, mask, "it")
        assert found.colour == colour
        assert np.array_equal(found.rgb, to_bytes(colour.normalise(linear)))
        assert found.tone == phototype(float(ita_degrees(linear_to_lab(np.median(linear[skin], axis=0)))))


def test_a_large_image_is_normalised_in_modest_memory() -> None:
    side = 3000
    rgb = np.full((side, side, 3), (200, 160, 150), np.uint8)
    mask = np.zeros((side, side), np.bool_)
    mask[1000:2000, 1000:2000] = True
    tracemalloc.start()
    try:
        normalised(rgb, mask, "it")
        assert tracemalloc.get_traced_memory()[1] < 4 * rgb.nbytes
    finally:
        tracemalloc.stop()


def test_an_estimate_that_was_too_low_is_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    samples = layouts.read([trees.simple(tmp_path / "data", trees.drawn(24))]).samples
    monkeypatch.setattr(packing, "_PROBE", 12)  # every second image, and those compress well
    for sample in samples[::2]:
        Image.fromarray(cv2.GaussianBlur(np.asarray(Image.open(sample.image)), (0, 0), 3)).save(sample.image)
    generous = packing.prepare(samples, Filters(), 224, 448).size
    guessed = packing.side_within(samples, Filters(), int(0.8 * generous))[0]
    assert packing.prepare(samples, Filters(), guessed, 2 * guessed).size > 0.8 * generous
    outcome, side, _ = packing.fitted(samples, Filters(), int(0.8 * generous))
    pack.write(tmp_path / "it.pack", outcome.items, CLASSES, {})
    assert side < guessed and (tmp_path / "it.pack").stat().st_size <= 0.8 * generous

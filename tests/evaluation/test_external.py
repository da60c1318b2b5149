"""A user's own networks: features and pair distances as the file says, and one clear line for a file that is none."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.evaluation import lines
from engine.evaluation.distances import frechet, kernel
from engine.evaluation.external import EXTERNAL, LPIPS_SIDE, Network, lpips_diversity
from engine.evaluation.similarity import RAW_DRAWS, Cloud, compare
from tests.evaluation import onnx_files
from tests.evaluation.lesions import pictures
from tests.evaluation.onnx_files import model, node


@pytest.fixture
def mean_colour(tmp_path: Path) -> Path:
    return onnx_files.mean_colour(tmp_path / "mean.onnx")


@pytest.fixture
def squared_difference(tmp_path: Path) -> Path:
    sides = {"input0": LPIPS_SIDE, "input1": LPIPS_SIDE}
    nodes = [
        node("Sub", ("input0", "input1"), "difference"),
        node("Mul", ("difference", "difference"), "square"),
        node("GlobalAveragePool", ("square",), "means"),
        node("ReduceMean", ("means",), "out"),
    ]
    path = tmp_path / "pair.onnx"
    path.write_bytes(model(sides, nodes, (1, 1, 1, 1)))
    return path


def test_features_are_the_networks(mean_colour: Path) -> None:
    rgb = pictures(2, 1).rgb
    found = Network(mean_colour, "--inception").features(rgb)
    expected = rgb.astype(float).mean((1, 2)) / 127.5 - 1
    assert found.shape == (4, 3)
    assert np.abs(found - expected).max() < 0.01


def test_pair_distances_are_the_networks(squared_difference: Path) -> None:
    network = Network(squared_difference, "--lpips")
    a, b = pictures(1, 1).rgb
    assert network.distance(a, a) == pytest.approx(0, abs=1e-6)
    assert network.distance(a, b) == pytest.approx(((a / 127.5 - b / 127.5) ** 2).mean(), rel=1e-3)
    few = pictures(6, 1).of_class("nevus")
    found = lpips_diversity(network, few.rgb, few.lesion, 0)
    assert found.value > 0 and found.count == 6


def test_features_of_others_are_compared_as_they_are(mean_colour: Path) -> None:
    """FID and KID are defined on raw features; the scale of each is part of them."""
    network = Network(mean_colour, "--inception")
    views = {EXTERNAL: lambda p: network.features(p.rgb)}
    real, other, made = (pictures(16, seed) for seed in (1, 2, 3))
    found, _ = lines.similarity_lines(made, real, other, views, "real", 0, 20, raw={EXTERNAL})
    for measure, distance in (("Fréchet distance", frechet), ("kernel distance", kernel)):
        figure = next(f for f in found if (f.measure, f.group) == (f"{measure}, Inception features", "nevus"))
        a, b, c = (network.features(p.of_class("nevus").rgb) for p in (real, made, other))
        assert figure.generated is not None and figure.generated.value == pytest.approx(distance(a, b))
        assert figure.real is not None and figure.real.value == pytest.approx(distance(a, c))


def test_thousands_of_features_take_few_draws() -> None:
    names = tuple(map(str, range(20)))
    a, b = (Cloud(np.random.default_rng(seed).normal(size=(20, 300)), names) for seed in (1, 2))
    few, many = (compare(a, b, 0, draws, raw=True) for draws in (RAW_DRAWS, 10 * RAW_DRAWS))
    assert few == many and few is not None
    assert few.frechet.low < few.frechet.value < few.frechet.high


def test_a_file_that_is_no_network_is_told_in_one_line(tmp_path: Path, mean_colour: Path) -> None:
    bad = tmp_path / "bad.onnx"
    for data in (b"", b"nothing of the kind", mean_colour.read_bytes()[:40]):
        bad.write_bytes(data)
        with pytest.raises(BadInput, match="--inception") as told:
            Network(bad, "--inception").features(pictures(1, 1).rgb)
        assert "\n" not in str(told.value)
    with pytest.raises(BadInput, match="no file"):
        Network(tmp_path / "missing.onnx", "--lpips")
    with pytest.raises(BadInput, match=r"--lpips.*can't be evaluated.*input0"):
        Network(mean_colour, "--lpips").distance(*pictures(1, 1).rgb)

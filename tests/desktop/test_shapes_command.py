"""`moulage shapes`: masks in a folder, the same for the same seed, nothing where the request is impossible."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from desktop.cli import app
from engine.errors import BadInput


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["shapes", *arguments], catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def masks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def test_masks_and_their_parameters_are_the_same_for_the_same_seed(tmp_path):
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        run("--count", "3", "--size", "64", "--seed", seed, "-o", str(tmp_path / name))
    assert masks(tmp_path / "a") == masks(tmp_path / "b") != masks(tmp_path / "c")
    assert len(masks(tmp_path / "a")) == 3
    lines = [json.loads(line) for line in (tmp_path / "a" / "manifest.jsonl").read_text().splitlines()]
    assert lines[0]["complete"] is True
    for record in lines[1:]:
        assert 0 <= record["spec"]["irregularity"] <= 1
        picture = cv2.imread(str(tmp_path / "a" / record["path"]), cv2.IMREAD_UNCHANGED)
        assert picture.shape == (64, 64) and picture.dtype == np.uint8 and (picture >= 128).any()


def test_an_existing_mask_is_bred_into_new_ones(tmp_path):
    parent = np.zeros((90, 120), np.uint8)
    parent[30:60, 20:100] = 255
    cv2.imwrite(str(tmp_path / "bar.png"), parent)
    run("--count", "4", "--breed", str(tmp_path / "bar.png"), "-o", str(tmp_path / "bred"))
    bred = masks(tmp_path / "bred")
    assert len(set(bred.values())) == 4


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["--irregularity", "1.5"], "--irregularity"), (["--asymmetry", "nan"], "--asymmetry")],
)
def test_an_impossible_request_leaves_nothing(tmp_path, arguments, named):
    with pytest.raises(BadInput, match=named):
        run(*arguments, "-o", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    (tmp_path / "mask.png").write_bytes(content)
    with pytest.raises(BadInput, match=r"mask\.png"):
        run("--breed", str(tmp_path / "mask.png"), "-o", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()

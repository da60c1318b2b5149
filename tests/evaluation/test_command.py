"""`moulage evaluate`: bad input is one line and exit code 2, before anything is written."""

import re
import sys
from pathlib import Path

import pytest

from desktop.cli import main
from tests.evaluation.lesions import write_folder


def moulage(*arguments: str) -> object:
    """The exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["moulage", "evaluate", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
    return left.value.code


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("default", "--data", "missing"), "--data: missing is no folder"),
        (("unheard", "--data", "data"), "--model: 'unheard'"),
        (("default", "--data", "data", "--count", "1"), "--count: is 1"),
        (("default", "--data", "data", "--observer-steps", "0"), "--observer-steps: is 0"),
        (("default", "--data", "data", "--outlines", "square"), "--outlines: is 'square'"),
        (("default", "--data", "data", "--lpips", "missing.onnx"), "--lpips: missing.onnx is no file"),
        (("default", "--data", "data"), "no usable image|can be decoded|no usable"),
        (("default", "--data", "data", "--json", "missing/out.json"), "--json: there is no folder missing"),
        (("default", "--data", "data", "--json", "data"), "--json: data is a folder"),
        (("default", "--data", "data", "--json", "/proc/out.json"), "--json: can't write in /proc"),
        (("default", "--data", "data", "--work", "data/metadata.csv"), "--work: data/metadata.csv is a file"),
        (("default", "--data", "data", "--work", "data/metadata.csv/a"), "--work: .*metadata.csv is a file"),
        (("default", "--data", "data", "--work", "/proc/a/b"), "--work: can't write in /proc"),
        (("default", "--data", "data", "--reader-study", "data/metadata.csv"), "--reader-study: .* is a file"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if any(argument.startswith("/proc/") for argument in arguments) and sys.platform != "linux":
        pytest.skip("only Linux has a file system that even the superuser can't write in")
    folder = write_folder(tmp_path / "data", 2, 1)
    for image in (folder / "images").iterdir():
        image.write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    assert moulage(*arguments) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line != "moulage: real pictures"]
    assert len(lines) == 1 and re.search(told, lines[0]), lines
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]

"""Tables of the model card: from the JSON of an evaluation to its place on the page."""

import json
from pathlib import Path
from typing import Any

import pytest

from docs.figures.model_card import comparison, placed
from engine.errors import BadInput
from engine.evaluation.report import SCHEMA, VERSION


def write(path: Path, **figures: float) -> Path:
    """An evaluation with these measures of nevi; real pictures reach 1 in each."""

    def estimate(value: float) -> dict[str, Any]:
        return {"value": value, "low": None, "high": None, "count": 4}

    lines = [
        {"measure": n, "group": "nevus", "generated": estimate(v), "real": estimate(1), "beside": "test", "best": "low"}
        for n, v in figures.items()
    ]
    path.write_text(json.dumps({"schema": SCHEMA, "version": VERSION, "figures": lines}), encoding="utf-8")
    return path


def test_networks_stand_side_by_side_in_what_both_were_measured_by(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", recall=0.25, precision=0.5, usefulness=0.75)
    other = write(tmp_path / "other.json", precision=0.125, recall=0.375)
    header, _, *rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in comparison([one, other]).split("\n")
    ]
    assert header == ["measure", "of", "one", "other", "real"]
    assert rows == [["recall", "nevus", "0.25", "0.38", "1.00"], ["precision", "nevus", "0.50", "0.12", "1.00"]]


def test_a_table_replaces_what_lay_between_its_markers() -> None:
    page = "before\n<!-- a -->\nold\n<!-- end a -->\nafter"
    assert placed(page, "a", "new") == "before\n<!-- a -->\nnew\n<!-- end a -->\nafter"
    assert placed(placed(page, "a", "new"), "a", "old") == page
    with pytest.raises(BadInput, match="no <!-- b -->"):
        placed(page, "b", "new")


def test_another_file_is_no_evaluation(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text('{"schema": "moulage-job"}', encoding="utf-8")
    with pytest.raises(BadInput, match="is no moulage-evaluation"):
        comparison([path])

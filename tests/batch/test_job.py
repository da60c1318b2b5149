"""Job files: every key lands in its place, and whatever can't be meant is one line that names where and what."""

import os
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest
from small import limb_job, write_limb

from engine.batch import load
from engine.batch.job import AvatarFile, Distribution, Job, Parametric, UglyDuckling
from engine.errors import BadInput

FULL = """\
moulage_job = 1
name = "Course"
seed = 7
spacing_mm = 2.5

[[patients]]
count = 3
sex = { female = 3, male = 1 }
age = { distribution = "normal", mean = 50, sd = 18, min = 20 }
build = 1.1
phototype = "V"
texture_size = 1024

[[lesions]]
class = { nevus = 3, melanoma = 1 }
count = { distribution = "poisson", mean = 20, max = 60 }
region = ["back", "forearm"]
diameter_mm = { distribution = "log-normal", median = 5, sigma = 0.3, min = 2, max = 9 }
irregularity = 0.4

[ugly_duckling]
share = 0.25
kinds = 2

[network]
steps = 9
batch_size = 4.0

[outputs]
maps = ["albedo"]
picture_format = "webp"
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "job.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key_lands_in_its_place(tmp_path: Path) -> None:
    job = load(_write(tmp_path, FULL))
    assert (job.name, job.seed, job.spacing_mm, job.patients) == ("Course", 7, 2.5, 3)
    (source,) = job.sources
    assert isinstance(source, Parametric)
    assert source.sex == (("female", 0.75), ("male", 0.25)) and source.phototype == (("V", 1.0),)
    assert source.age == Distribution("normal", 50, 18, 20, 90) and source.build == Distribution.fixed(1.1)
    (group,) = job.lesions
    assert group.classes == (("nevus", 0.75), ("melanoma", 0.25)) and group.regions == ("back", "forearm")
    assert group.count == Distribution("poisson", 20, 0, 0, 60)
    assert group.diameter_mm == Distribution("log-normal", 5, 0.3, 2, 9) and group.asymmetry is None
    assert job.ugly_duckling == UglyDuckling(0.25, kinds=2)
    assert (job.network.steps, job.network.detail) == (9, 128)
    assert type(job.network.batch_size) is int and job.network.batch_size == 4
    assert job.outputs.maps == ("albedo",) and job.outputs.picture_format == "webp" and job.outputs.glb


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("seed = 7", "sed = 7", 3, "sed: found an unknown key (did you mean seed?)"),
        ("seed = 7", "seed = -1", 3, "seed: found -1; allowed is a whole number from 0"),
        ("seed = 7", "seed = nan", 3, "seed: found nan"),
        ("seed = 7", "seed = 2026-01-01", 3, "seed: found 2026-01-01"),
        ("count = 3", "count = -3", 7, "patients[1].count: found -3; allowed is a whole number from 1 to 100000"),
        ("count = 3", "count = 1000000000", 7, "patients[1].count: found 1000000000"),
        ("count = 3", "count = true", 7, "patients[1].count: found true"),
        ("male = 1", "mael = 1", 8, "patients[1].sex.mael: found an unknown key (did you mean male?)"),
        ("female = 3, male = 1", "female = 0", 8, "patients[1].sex: found only shares of 0"),
        ("mean = 50", "mean = 500", 9, "patients[1].age.mean: found 500; allowed is a number from 3 to 90"),
        ("min = 20", "min = 60", 9, "patients[1].age.mean: found 50; it must lie between min 60 and max 90"),
        ("sd = 18", "sd = 0", 9, "patients[1].age.sd: found 0; allowed is a number above 0"),
        ('"poisson"', '"poison"', 16, "lesions[1].count: found distribution = 'poison'; allowed is a whole number"),
        ('"forearm"', '"forarm"', 17, "lesions[1].region[2]: found 'forarm' (did you mean forearm?)"),
        ("min = 2, max = 9", "min = 9, max = 2", 18, "lesions[1].diameter_mm.min: found min = 9 and max = 2"),
        ("nevus = 3", "naevus = 3", 15, "lesions[1].class: found 'naevus'; allowed are the classes of model 'default'"),
        (
            "share = 0.25",
            "share = 0.25\ncontrols = 0.9",
            23,
            "ugly_duckling.controls: share and controls are 1.15 together",
        ),
        ("share = 0.25", "", 21, "ugly_duckling: found no share"),
        ("steps = 9", "steps = 9.5", 26, "network.steps: found 9.5"),
        ('maps = ["albedo"]', 'maps = ["../albedo"]', 30, "outputs.maps[1]: found '../albedo'"),
        ('maps = ["albedo"]', 'folder = "../elsewhere"', 30, "outputs.folder: found an unknown key"),
        ("[[patients]]", "[patients]", 6, "patients: found a table with"),
        ("count = 3\n", 'files = "absent.glb"\n', 7, "patients[1].files: found an unknown key; allowed is count"),
        ("moulage_job = 1", "moulage_job = 2", 1, "moulage_job: found 2; allowed is 1"),
    ],
)
def test_what_cannot_be_meant_is_one_line_with_its_place(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert old in FULL
    path = _write(tmp_path, FULL.replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}, line {line}: {told}") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "a" * 3000,
        "x = " + "[" * 5000 + "]" * 5000,
        "x = " + "9" * 6000,
        "seed = " + "9" * 400,
        'name = "\x00"',
        "[[patients]]\n" * 100_000,
        "",
    ],
    ids=["cut off", "one word", "nested", "long number", "large number", "NUL", "many tables", "empty"],
)
def test_hostile_texts_are_refused_quickly(tmp_path: Path, text: str) -> None:
    path = _write(tmp_path, text)
    started = time.process_time()
    with pytest.raises(BadInput, match=r"job\.toml") as caught:
        load(path)
    assert time.process_time() - started < 5 and len(str(caught.value)) < 1500


def test_a_gigabyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    with path.open("wb") as stream:
        stream.truncate(1 << 30)
    started = time.process_time()
    with pytest.raises(BadInput, match="has 1073741824 bytes; a job file has at most"):
        load(path)
    assert time.process_time() - started < 0.2


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such job file"):
        load(tmp_path / "absent.toml")
    with pytest.raises(BadInput, match="there is no such job file"):
        load(tmp_path)
    path = tmp_path / "job.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(BadInput, match="is no UTF-8 text"):
        load(path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.toml")
        with pytest.raises(BadInput, match="there is no such job file"):
            load(tmp_path / "pipe.toml")


def test_more_patients_than_the_limit_are_refused_however_they_are_asked_for(tmp_path: Path) -> None:
    parts = "[[patients]]\ncount = 60000\n" * 2
    with pytest.raises(BadInput, match=r"line 6: patients\[2\]\.count: with it the job has more than 100000"):
        load(_write(tmp_path, f"moulage_job = 1\nname = 'x'\n{parts}"))
    write_limb(tmp_path / "limb.glb")
    each = "[[patients]]\nfiles = 'limb.glb'\neach = 100000\n[[patients]]\ncount = 1\n"
    with pytest.raises(BadInput, match="more than 100000 patients"):
        load(_write(tmp_path, f"moulage_job = 1\nname = 'x'\n{each}"))


def _bodies(text: str) -> str:
    return f"moulage_job = 1\nname = 'x'\n[[patients]]\n{text}\n"


def test_files_and_patterns_start_at_the_job_file(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("b.glb", "a.GLB", "deep/c.glb", "deep/er/d.vrm", "notes.txt"):
        (tmp_path / name).write_bytes(b"")

    def names(text: str) -> list[str]:
        sources = load(_write(tmp_path, _bodies(text))).sources
        assert all(isinstance(source, AvatarFile) for source in sources)
        return [source.path.relative_to(tmp_path).as_posix() for source in sources if isinstance(source, AvatarFile)]

    assert names("files = ['deep/c.glb', 'b.glb']") == ["deep/c.glb", "b.glb"]
    assert names("glob = '*'") == ["a.GLB", "b.glb"]
    assert names("glob = '**/*'") == ["a.GLB", "b.glb", "deep/c.glb", "deep/er/d.vrm"]
    assert names("glob = 'deep/**/?.*'") == ["deep/c.glb", "deep/er/d.vrm"]
    assert names(f"glob = '{tmp_path.as_posix()}/deep/*.glb'") == ["deep/c.glb"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("files = 'absent.glb'", "there is no file"),
        ("files = 'job.toml'", "is no body; it must end in"),
        ("files = '.'", "there is no file"),
        ("glob = '*.glb'", "means no body"),
        ("glob = 'absent/**/*.glb'", "means no body"),
        ("glob = '**/*.glb'\nunit = 'inch'", "unit"),
    ],
)
def test_files_that_are_not_there_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadInput, match=r"line \d+: patients\[1\]\.") as caught:
        load(_write(tmp_path, _bodies(text)))
    assert told in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["**/*.glb", "*/*/*/*/*/*/*/*/*.glb", "folder/back/**"])
def test_a_link_that_leads_back_ends_the_search(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "folder").mkdir()
    try:
        (tmp_path / "folder" / "back").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "self").symlink_to(tmp_path / "folder", target_is_directory=True)
    except OSError:
        pytest.skip("this system doesn't let us make links")
    with pytest.raises(BadInput, match=r"patients\[1\]\.glob: .* leads back to a folder above it"):
        load(_write(tmp_path, _bodies(f"glob = '{pattern}'")))


def test_a_link_to_itself_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "bodies").mkdir()
    try:
        (tmp_path / "bodies" / "round.glb").symlink_to("round.glb")
    except OSError:
        pytest.skip("this system doesn't let us make links")
    for pattern in ("**/*.glb", "bodies/*/*.glb"):
        with pytest.raises(BadInput, match="means no body"):
            load(_write(tmp_path, _bodies(f"glob = '{pattern}'")))


def test_the_fingerprint_knows_content_and_not_places(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    job, moved = limb_job(here), limb_job(there)
    assert job.sources != moved.sources and job.fingerprint == moved.fingerprint
    changed: dict[str, object] = {
        "name": "other",
        "seed": 6,
        "sources": (*job.sources, *job.sources),
        "lesions": (),
        "spacing_mm": 3.0,
        "ugly_duckling": UglyDuckling(0.5),
        "network": replace(job.network, steps=3),
        "outputs": replace(job.outputs, glb=False),
    }
    assert changed.keys() == {field.name for field in fields(Job)}
    assert len({job.fingerprint, *(replace(job, **{k: v}).fingerprint for k, v in changed.items())}) == 9  # type: ignore[arg-type]
    write_limb(there / "limb.glb", size=128)
    assert limb_job(there).fingerprint != job.fingerprint

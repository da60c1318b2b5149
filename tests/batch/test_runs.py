"""Whole jobs with the shipped network: what is made, taken up again, divided and refused."""

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import NO_PREVIEW, assert_same, limb_job, tree, write_limb

from engine import BadInput, Cancelled, png
from engine.avatar.load import load
from engine.batch.executors import Local
from engine.batch.job import AvatarFile, Distribution, Job
from engine.batch.runner import Progress, run
from engine.batch.units import SPAN
from engine.lock import WriterLock
from engine.output import TEMPORARY_SUFFIX, verify

pytestmark = pytest.mark.slow


def record(out: Path, number: int) -> dict:
    return json.loads((out / f"patients/{number:05d}/patient.json").read_text())


# what is made


def test_a_set_is_whole_and_verified(undisturbed: Path) -> None:
    found = verify(undisturbed)
    assert found.complete and found.problems == () and found.unlisted == ()
    own = {"annotations.json", "contact_sheet.png", "dataset_card.md", "job.json", "manifest.jsonl"}
    assert {entry.name for entry in undisturbed.iterdir()} == own | {"patients"}
    assert len(list((undisturbed / "patients").iterdir())) == 6
    rows = map(json.loads, (undisturbed / "manifest.jsonl").read_text().splitlines()[1:])
    assert {row["path"] for row in rows if "/" not in row["path"] and "licence" in row and "model" in row} == own - {
        "job.json",
        "manifest.jsonl",
    }
    for folder in (undisturbed / "patients").iterdir():
        assert verify(folder).complete and verify(folder).problems == () and verify(folder).unlisted == ()


def test_maps_records_and_close_ups_tell_the_same(undisturbed: Path, job: Job) -> None:
    for number in range(1, 7):
        folder = undisturbed / f"patients/{number:05d}"
        told = record(undisturbed, number)
        lesions = {lesion["number"]: lesion for lesion in told["lesions"]}
        index = png.decode((folder / "instances.png").read_bytes())
        classes = png.decode((folder / "classes.png").read_bytes())
        assert index.dtype == np.uint16 and set(np.unique(index)) == {0, *lesions}
        assert len(lesions) == told["asked"] - told["not_placed"] >= 1
        for value, lesion in lesions.items():
            assert {told["classes"][str(v)] for v in np.unique(classes[index == value])} == {lesion["class"]}
            assert abs(lesion["diameter_mm"] / lesion["asked_mm"] - 1) < 0.05
            mask = png.decode((folder / lesion["close_up_mask"]).read_bytes())
            close_up = png.decode((folder / lesion["close_up"]).read_bytes())
            assert mask.shape == (64, 64) and close_up.shape == (64, 64, 3) and mask.max() == 255
            u, v = lesion["uv"]
            assert index[int(v * 256), int(u * 256)] == value
        assert (classes[index == 0] == 0).all()
        albedo = png.decode((folder / "albedo.png").read_bytes())
        assert load(folder / "avatar.glb").materials[0].maps["albedo"].encoded == (folder / "albedo.png").read_bytes()
        old = png.decode(load(job.sources[0].path).materials[0].maps["albedo"].encoded)
        assert (albedo != old).any(-1)[index > 0].all()


def test_every_picture_says_that_it_is_synthetic_by_which_model_and_specification(undisturbed: Path) -> None:
    pictures = sorted(undisturbed.rglob("*.png"))
    assert len(pictures) > 6 * 4
    model = json.loads((undisturbed / "job.json").read_text())["model"]
    for path in pictures:
        with Image.open(path) as image:
            packet = image.text["XML:com.adobe.xmp"]
        assert "digitalsourcetype/trainedAlgorithmicMedia" in packet and model in packet and "specSha256" in packet


def test_neither_painters_nor_a_tight_memory_change_a_byte(
    undisturbed: Path, job: Job, local: Local, tmp_path: Path
) -> None:
    """One painter and the fewest patients in memory that a limit leaves."""
    tight = Local(painters=2, memory_mb=_least_memory(job))
    run(job, tmp_path / "set", tight)
    assert tight._budget.painters == 1 and tight._budget.in_flight == SPAN
    assert_same(tmp_path / "set", undisturbed)


def _least_memory(job: Job) -> float:
    for megabytes in range(100, 20_000, 50):
        try:
            Local(painters=1, memory_mb=megabytes).plan(job)
        except BadInput:
            continue
        return megabytes
    raise AssertionError("no memory is enough")


def test_batches_larger_than_the_patients_in_memory_don_t_wait_forever(local: Local, tmp_path: Path) -> None:
    job = limb_job(tmp_path, 6, (1, 1))
    job = replace(job, network=replace(job.network, batch_size=8))
    outcome = run(job, tmp_path / "set", Local(painters=1, memory_mb=_least_memory(job)))
    assert outcome.complete and outcome.progress.lesions == 6


class Wide(Local):
    """As on a machine with many cores: three finishers at once."""

    def prepare(self, job: Job) -> None:
        super().prepare(job)
        assert self._budget is not None
        self._budget = replace(self._budget, finishers=3)


def test_progress_counts_to_the_end_with_several_finishers_too(job: Job, undisturbed: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    run(job, tmp_path / "set", Wide(painters=2), shard=(1, 2), progress=told.append)
    done = [progress.done for progress in told]
    assert done == sorted(done) and told[-1].done == told[-1].patients < 6
    assert told[-1].lesions == sum(len(record(tmp_path / "set", n)["lesions"]) for n in _numbers(tmp_path / "set"))
    assert told[-1].painting_s > 0
    for number in _numbers(tmp_path / "set"):
        assert_same(tmp_path / f"set/patients/{number:05d}", undisturbed / f"patients/{number:05d}")


def _numbers(out: Path) -> list[int]:
    return sorted(int(folder.name) for folder in (out / "patients").iterdir())


# taken up again


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"sha256", b"sha999"))


def _leftover(path: Path) -> None:
    path.with_name(f".{path.name}.0123456789ab{TEMPORARY_SUFFIX}").write_bytes(b"half")


DAMAGES = {
    "pictures": {
        "a lost map": ("patients/00002/albedo.png", Path.unlink),
        "a flipped byte": ("patients/00003/close_ups/001.png", _flip),
        "leftovers": ("patients/00006/albedo.png", _leftover),
        "a changed card": ("dataset_card.md", _flip),
        "a torn set manifest": ("manifest.jsonl", _torn),
    },
    "lists": {
        "a lost folder": ("patients/00001", shutil.rmtree),
        "a lost manifest": ("patients/00002/manifest.jsonl", Path.unlink),
        "a damaged manifest": ("patients/00004/manifest.jsonl", _damaged),
        "a torn manifest": ("patients/00006/manifest.jsonl", _torn),
        "a lost set manifest": ("manifest.jsonl", Path.unlink),
    },
    "the set's own": {
        "a lock": ("patients/00006/manifest.jsonl", lambda path: path.with_name("manifest.jsonl.lock").touch()),
        "lost annotations": ("annotations.json", Path.unlink),
        "a lost job.json": ("job.json", Path.unlink),
    },
}


@pytest.mark.parametrize("damages", DAMAGES)
def test_what_is_lost_or_damaged_is_made_again(
    damages: str, undisturbed: Path, job: Job, local: Local, tmp_path: Path
) -> None:
    """Byte for byte, though the lesions' neighbours in their batches are not painted again; the rest isn't touched."""
    out = shutil.copytree(undisturbed, tmp_path / "set")
    harmed = {name.split("/")[1] for name, _ in DAMAGES[damages].values() if name.startswith("patients")}
    whole = [path for path in (out / "patients").rglob("*.png") if not harmed.intersection(path.parts)]
    before = {path: path.stat().st_mtime_ns for path in whole}
    for name, harm in DAMAGES[damages].values():
        harm(out / name)
    outcome = run(job, out, local)
    assert outcome.complete and outcome.progress.made + outcome.progress.kept == 6
    assert outcome.progress.made <= len(harmed)
    assert_same(out, undisturbed)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_set_that_is_whole_is_only_verified(undisturbed: Path, job: Job, local: Local, tmp_path: Path) -> None:
    out = shutil.copytree(undisturbed, tmp_path / "set")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    outcome = run(job, out, local)
    assert outcome.progress.kept == 6 and outcome.complete
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_who_finds_another_making_the_sets_files_waits_and_looks_again(
    undisturbed: Path, job: Job, local: Local, tmp_path: Path
) -> None:
    """The other may have begun before this run's last patient was there, and have left that one out."""
    out = shutil.copytree(undisturbed, tmp_path / "set")
    (out / "contact_sheet.png").unlink()
    other = WriterLock(out / "manifest.jsonl", BadInput)
    threading.Timer(1.0, other.release).start()
    assert run(job, out, local).complete
    assert_same(out, undisturbed)


def test_a_run_that_is_stopped_goes_on(undisturbed: Path, job: Job, local: Local, tmp_path: Path) -> None:
    made = threading.Event()

    def told(progress: Progress) -> None:
        if progress.made == 2:
            made.set()

    with pytest.raises(Cancelled):
        run(job, tmp_path / "set", local, progress=told, cancel=made.is_set)
    assert not [t for t in threading.enumerate() if t.name.startswith(("painter", "feeder", "finisher"))]
    left = tree(tmp_path / "set")
    assert not [name for name in left if name.endswith((TEMPORARY_SUFFIX, ".lock"))]
    outcome = run(job, tmp_path / "set", local)
    assert 2 <= outcome.progress.kept < 6
    assert_same(tmp_path / "set", undisturbed)


# one folder, one job


@pytest.mark.parametrize("change", ["seed", "steps", "model of the avatar"])
def test_two_jobs_never_mix(change: str, undisturbed: Path, job: Job, local: Local, tmp_path: Path) -> None:
    out = shutil.copytree(undisturbed, tmp_path / "set")
    other = replace(job, seed=job.seed + 1)
    if change == "steps":
        other = replace(job, network=replace(job.network, steps=3))
    if change == "model of the avatar":
        path = write_limb(tmp_path / "limb.glb", 128)
        other = replace(job, sources=(AvatarFile(path, 6),))
    before = tree(out)
    with pytest.raises(BadInput, match="another job"):
        run(other, out, local)
    (out / "job.json").unlink()
    with pytest.raises(BadInput, match="choose another folder"):
        run(other, out, local)
    assert tree(out) == {name: data for name, data in before.items() if name != "job.json"}


def test_a_patient_of_another_set_is_left_alone(undisturbed: Path, job: Job, local: Local, tmp_path: Path) -> None:
    out = shutil.copytree(undisturbed, tmp_path / "set")
    manifest = out / "patients/00003/manifest.jsonl"
    head, _, rest = manifest.read_bytes().partition(b"\n")
    manifest.write_bytes(json.dumps(json.loads(head) | {"job": "of somebody else 3"}).encode() + b"\n" + rest)
    before = tree(out / "patients/00003")
    outcome = run(job, out, local)
    assert [number for number, _ in outcome.failed] == [3] and "another set" in outcome.failed[0][1]
    assert tree(out / "patients/00003") == before and not outcome.complete


def test_a_folder_of_something_else_is_not_touched(job: Job, local: Local, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match="holds"):
        run(job, tmp_path, local)
    with pytest.raises(BadInput, match="is a file"):
        run(job, tmp_path / "thesis.txt", local)
    assert tree(tmp_path) == {"thesis.txt": b"mine"}


@pytest.mark.parametrize("wrong", ["class", "shard", "memory", "model"])
def test_what_can_t_be_done_is_refused_before_anything_is_written(wrong: str, job: Job, tmp_path: Path) -> None:
    group = replace(job.lesions[0], classes=(("wart", 1.0),))
    jobs = {"class": replace(job, lesions=(group,)), "model": replace(job, network=replace(job.network, model="none"))}
    words = {"class": "wart", "shard": "--shard", "memory": "--memory-limit", "model": "none"}
    executor = Local(memory_mb=50.0 if wrong == "memory" else None)
    with pytest.raises(BadInput, match=words[wrong]):
        run(jobs.get(wrong, job), tmp_path / "set", executor, shard=(4, 3) if wrong == "shard" else (1, 1))
    assert not (tmp_path / "set").exists()


# shards


def test_the_union_of_shards_is_the_whole(undisturbed: Path, job: Job, local: Local, tmp_path: Path) -> None:
    """Into one folder in any order; or into folders of their own, which are copied together and finished by a call."""
    assert len([outcome := run(job, tmp_path / "one", local, shard=(i, 3)) for i in (3, 1, 2)]) == 3
    assert outcome.complete
    assert_same(tmp_path / "one", undisturbed)
    for i in (1, 2):
        assert not run(job, tmp_path / f"part{i}", local, shard=(i, 2)).complete
        shutil.copytree(tmp_path / f"part{i}", tmp_path / "joined", dirs_exist_ok=True)
    outcome = run(job, tmp_path / "joined", local)
    assert outcome.complete and outcome.progress.made == 0
    assert_same(tmp_path / "joined", undisturbed)


def test_processes_that_are_given_the_same_work_don_t_disturb_each_other(
    undisturbed: Path, job: Job, local: Local, tmp_path: Path
) -> None:
    """Two runs of everything into one folder at once, each with a network of its own; a third finds all done."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            run(job, tmp_path / "set", Local(painters=1))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    outcome = run(job, tmp_path / "set", local)
    assert outcome.complete and outcome.progress.elsewhere == 0
    assert_same(tmp_path / "set", undisturbed)


# patients that fail


def test_a_patient_that_fails_is_recorded_and_made_when_asked_again(local: Local, tmp_path: Path) -> None:
    limb_job(tmp_path)
    shutil.copy(tmp_path / "limb.glb", tmp_path / "other.glb")
    job = limb_job(tmp_path)
    job = replace(job, sources=(AvatarFile(tmp_path / "limb.glb", 2), AvatarFile(tmp_path / "other.glb", 1)))
    job = replace(job, sources=(*job.sources, AvatarFile(tmp_path / "limb.glb", 1)))
    assert run(job, tmp_path / "undisturbed", local).complete
    (tmp_path / "other.glb").rename(tmp_path / "away.glb")
    out = tmp_path / "set"
    outcome = run(job, out, local)
    assert not outcome.complete and outcome.progress.made == 3
    ((number, reason),) = outcome.failed
    assert number == 3 and "other.glb" in reason and "\n" not in reason
    assert json.loads((out / "failures/00003.json").read_text()) == {"patient": 3, "reason": reason}
    assert "Traceback" in (out / "failures/00003.log").read_text()
    assert not (out / "patients/00003/albedo.png").exists()
    assert not verify(out).complete and verify(out).problems == ()
    (tmp_path / "away.glb").rename(tmp_path / "other.glb")
    assert run(job, out, local).failed == outcome.failed
    outcome = run(job, out, local, retry_failed=True)
    assert outcome.complete and outcome.failed == () and outcome.progress.made == 1
    assert_same(out, tmp_path / "undisturbed")


# other kinds of job


def test_a_drawn_patient_in_other_formats(local: Local, tmp_path: Path, default_patient: Path) -> None:
    from engine.batch.job import LesionGroup, Parametric

    outputs = replace(NO_PREVIEW, preview=True, map_size=512, picture_format="jpeg", mask_format="tiff")
    one = Distribution.fixed(1.0)
    body = Parametric(1, (("female", 1.0),), Distribution.fixed(30.0), one, one, (("IV", 1.0),), 1024)
    group = LesionGroup((("nevus", 1.0),), Distribution.fixed(2.0), ("back",))
    job = replace(limb_job(tmp_path), sources=(body,), lesions=(group,), outputs=replace(outputs, close_up_size=96))
    assert run(job, tmp_path / "set", local).complete
    told, folder = record(tmp_path / "set", 1), tmp_path / "set/patients/00001"
    assert [lesion["body_part"] for lesion in told["lesions"]] == ["back", "back"]
    assert told["avatar"]["body"]["phototype"] == told["facts"]["phototype"] == "IV"
    sizes = {"albedo.jpg": (512, 512), "instances.tif": (512, 512), "classes.tif": (512, 512)}
    sizes |= {"close_ups/001.jpg": (96, 96), "close_ups/001_mask.tif": (96, 96)}
    for name, size in sizes.items():
        with Image.open(folder / name) as image:
            assert image.size == size, name
    with Image.open(folder / "instances.tif") as image:
        assert set(np.unique(np.asarray(image))) == {0, 1, 2}
    assert (folder / "preview.jpg").exists()
    assert len(load(folder / "avatar.glb").materials[0].maps["albedo"].encoded) > 1000


def test_a_patient_without_lesions_is_a_patient(local: Local, tmp_path: Path) -> None:
    job = limb_job(tmp_path, 2, (0, 0))
    assert run(job, tmp_path / "set", local).complete
    assert record(tmp_path / "set", 2)["lesions"] == []
    index = png.decode((tmp_path / "set/patients/00002/instances.png").read_bytes())
    assert not index.any()


def test_an_error_of_the_network_is_the_patient_s_and_not_the_end(job: Job, local: Local, tmp_path: Path) -> None:
    """Here by a sampler that the generator doesn't know."""
    broken = replace(job, network=replace(job.network, sampler="dpmpp_2m", class_guidance=11.0))
    outcome = run(broken, tmp_path / "set", local)
    assert len(outcome.failed) == 6 and "class_guidance" in outcome.failed[0][1]

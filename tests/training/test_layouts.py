"""Each layout gives the same samples; what can't be used is counted, listed and left out."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trees
from PIL import Image

from engine.errors import DataError
from engine.training import dataset as ds
from engine.training import layouts
from engine.training.card import licence_of
from engine.training.dataset import problem_lines

CLASS = {"nv": "nevus", "mel": "melanoma", "bkl": "benign keratosis"}


@pytest.mark.parametrize("build", [trees.simple, trees.ham10000, trees.isic2017, trees.isic2018])
def test_a_layout_gives_every_image_with_its_mask_and_class(
    tmp_path: Path, build: Callable[[Path, Sequence[trees.Drawn]], Path]
) -> None:
    images = trees.drawn(6, ("nv", "mel", "bkl"))
    found = layouts.read([build(tmp_path, images)])
    assert found.problems == ()
    assert {s.image_id: s.lesion_class for s in found.samples} == {i.image_id: CLASS[i.dx] for i in images}
    for sample in found.samples:
        assert sample.mask is not None and sample.mask.stem.lower().startswith(sample.image_id.lower())
        assert sample.size == trees.SIZE
    if build is not trees.isic2017:  # which knows no lesions, so each image is its own
        assert {s.image_id: s.lesion_id for s in found.samples} == {i.image_id: i.lesion_id for i in images}


def test_benign_of_2016_is_not_called_a_nevus(tmp_path: Path) -> None:
    found = layouts.read([trees.isic2016(tmp_path, trees.drawn(6))])
    assert found.counts() == {"benign": 3, "melanoma": 3}


def test_the_finer_class_of_another_year_holds(tmp_path: Path) -> None:
    images = trees.drawn(4)
    trees.isic2016(tmp_path, images)
    assert layouts.read([trees.isic2017(tmp_path, images)]).counts() == {"nevus": 2, "melanoma": 2}


def test_the_test_of_2016_says_benign_and_malignant_as_numbers_and_has_its_masks_among_its_images(
    tmp_path: Path,
) -> None:
    images = trees.drawn(6)
    found = layouts.read([trees.isic2016_test(tmp_path, images)])
    assert found.problems == ()
    assert {s.image_id: s.lesion_class for s in found.samples} == {
        i.image_id: "melanoma" if i.dx == "mel" else "benign" for i in images
    }
    for sample in found.samples:
        assert sample.mask is not None and sample.mask.name == f"{sample.image_id}_Segmentation.png"


def test_numbers_of_2016_do_not_hide_the_class_of_another_year(tmp_path: Path) -> None:
    images = trees.drawn(6, ("nv", "mel", "bkl"))
    trees.isic2016_test(tmp_path, images)
    found = layouts.read([trees.isic2017(tmp_path, images)])
    assert found.counts() == {"nevus": 2, "melanoma": 2, "benign keratosis": 2}


def test_parts_of_ham10000_may_lie_one_folder_deeper(tmp_path: Path) -> None:
    images = trees.drawn(4)
    folder = trees.ham10000(tmp_path, images)
    for place in [path for path in sorted(folder.iterdir()) if path.is_dir()]:
        aside = place.rename(folder / "aside")
        place.mkdir()
        aside.rename(place / place.name)
    found = layouts.read([folder])
    assert len(found) == 4 and not found.problems and all(sample.mask for sample in found.samples)


def test_a_licence_that_is_not_stated_counts_as_such(tmp_path: Path) -> None:
    free = trees.simple(tmp_path / "free", trees.drawn(2))
    bare = trees.isic2017(tmp_path / "bare", trees.drawn(2))
    assert layouts.read([free]).licences() == ("CC0-1.0",)
    licences = layouts.read([free, bare]).licences()
    assert set(licences) == {"CC0-1.0", ds.NOT_STATED}
    assert licence_of(layouts.read([free]).licences()).startswith("CC0")
    assert licence_of(licences) == "that of the training data: CC0-1.0, not stated; settle it before passing weights on"


def test_licences_of_ham10000_are_known_without_being_stated(tmp_path: Path) -> None:
    assert layouts.read([trees.ham10000(tmp_path, trees.drawn(2))]).licences() == ("CC-BY-NC-4.0",)


def test_folders_inside_and_their_magnification_are_read(tmp_path: Path) -> None:
    trees.simple(tmp_path, trees.drawn(2))
    trees.simple(tmp_path / "tight", trees.drawn(1))
    heading = ("image_id", "dx", "width", "height", "orig_width", "orig_height", "reduction")
    trees.table(tmp_path / "tight" / "metadata.csv", heading, [("ISIC_0000000", "nv", 96, 72, 384, 288, 2.0)])
    found = layouts.read([tmp_path])
    assert [s.magnification for s in found.samples] == [1.0, 1.0, 2.0]


def test_several_folders_are_one_data_set(tmp_path: Path) -> None:
    one = trees.simple(tmp_path / "one", trees.drawn(3))
    two = trees.ham10000(tmp_path / "two", trees.drawn(2))
    assert len(layouts.read([one, two])) == 5


def test_what_cannot_be_used_is_counted_and_the_rest_stays(tmp_path: Path) -> None:
    images = trees.drawn(10)
    folder = trees.simple(tmp_path, images)
    (folder / "images" / "ISIC_0000000.jpg").write_bytes(b"no picture")
    (folder / "images" / "ISIC_0000001.jpg").unlink()
    Image.new("L", (10, 10)).save(folder / "masks" / "ISIC_0000002.png")
    (folder / "masks" / "ISIC_0000003.png").write_bytes(b"\x89PNG\r\n")
    (folder / "masks" / "ISIC_0000004.png").unlink()
    rows = [(i.image_id, i.dx, i.lesion_id) for i in images]
    rows[5] = (rows[5][0], "wart", rows[5][2])
    rows += [("../../etc/passwd", "nv", "x"), ("/etc/passwd", "nv", "x"), rows[6], ("", "nv", "x")]
    trees.table(folder / "metadata.csv", ("image_id", "dx", "lesion_id"), rows)
    found = layouts.read([folder])
    masked = found.with_masks()
    assert Counter(problem.reason for problem in masked.problems) == {
        ds.BROKEN_PICTURE: 1,
        ds.MISSING_PICTURE: 1,
        ds.MASK_OF_OTHER_SIZE: 1,
        ds.BROKEN_MASK: 1,
        ds.NO_MASK: 1,
        ds.UNKNOWN_CLASS: 1,
        ds.BAD_NAME: 3,
        ds.NAMED_TWICE: 1,
    }
    assert [s.image_id for s in masked.samples] == [f"ISIC_{i:07d}" for i in (6, 7, 8, 9)]
    assert [s.image_id for s in found.samples if s.mask is None] == ["ISIC_0000004"]
    lines = problem_lines(masked.problems)
    assert any(line.startswith("name that is no file name: 3") for line in lines)
    assert any("ISIC_0000002.png (10×10, its picture 96×72)" in line for line in lines)


def test_a_picture_whose_header_promises_gigapixels_is_not_decoded(tmp_path: Path) -> None:
    folder = trees.simple(tmp_path, trees.drawn(2))
    header = bytearray((folder / "masks" / "ISIC_0000000.png").read_bytes())
    header[16:24] = (50_000).to_bytes(4, "big") * 2  # width and height of IHDR
    import zlib

    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    (folder / "masks" / "ISIC_0000000.png").write_bytes(bytes(header))
    found = layouts.read([folder])
    assert [problem.reason for problem in found.problems] == [ds.BROKEN_MASK]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "metadata.csv").unlink(), "no layout that is known"),
        (lambda folder: (folder / "metadata.csv").write_bytes(b"\xff\xfe\x00\x00"), "can't be read as a table"),
        (lambda folder: (folder / "metadata.csv").write_text("a,b\n1,2\n"), "no column dx, image_id"),
        (lambda folder: (folder / "metadata.csv").write_text("image_id,dx\n"), "no usable image"),
        (lambda folder: [p.unlink() for p in (folder / "images").iterdir()], "2 were skipped.*picture missing"),
    ],
)
def test_a_folder_of_which_nothing_is_left_stops_with_one_line(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    folder = trees.simple(tmp_path / "data", trees.drawn(2))
    spoil(folder)
    with pytest.raises(DataError, match=message) as told:
        layouts.read([folder])
    assert "\n" not in str(told.value)


def test_the_real_data_are_read_whole(shared_data: Path) -> None:
    found = layouts.read([shared_data / "dermoscopy-512"])
    assert found.problems == ()
    assert len(found) == 1220
    tight = [s for s in found.samples if s.image.parent.parent.name == "tight"]
    assert len(tight) == 92 and all(s.magnification >= 1 for s in tight)
    assert max(s.magnification for s in tight) > 1.2

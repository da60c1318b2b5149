"""Wavefront MTL material files, and the images that they name.

Format: the MTL chapter of the Wavefront OBJ specification, with the extension's map_Pr, map_Ke and norm.
"""

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from engine.avatar import texture
from engine.avatar.embed import read_beside
from engine.errors import AvatarError

MAPS = {"map_kd": "albedo", "norm": "normal", "map_pr": "roughness", "map_ke": "emissive"}
LEFT_OUT = frozenset({"map_bump", "bump", "map_d", "disp", "map_ks", "map_ns", "map_ka", "map_pm"})
_OPTION_WIDTHS = {"-blendu": 1, "-blendv": 1, "-cc": 1, "-clamp": 1, "-mm": 2, "-texres": 1, "-bm": 1, "-imfchan": 1}
_OPTION_WIDTHS |= {"-boost": 1, "-type": 1, "-colorspace": 1}
_TRANSFORMS = {"-s": 1.0, "-o": 0.0, "-t": 0.0}
_MAGIC_OF_OTHERS = (b"BM", b"II*\0", b"MM\0*")


@dataclass
class ObjMaterial:
    """A material of an MTL file: colour and opacity, and its maps' file names, which stand in `folder`."""

    name: str
    folder: Path
    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    opacity: float = 1.0
    maps: dict[str, str] = field(default_factory=dict)


def decode_text(data: bytes) -> str:
    """Text of an OBJ or MTL file: UTF-8, or Latin-1 as old exporters write."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_mtl(folder: Path, name: str, where: str) -> tuple[dict[str, ObjMaterial], list[str]]:
    """Materials of an MTL file beside an OBJ, and warnings of maps that glTF has no place for."""
    lines = decode_text(read_beside(folder, name, where)).splitlines()
    beside = (folder / name.replace("\\", "/")).parent
    materials: dict[str, ObjMaterial] = {}
    left_out: list[str] = []
    current: ObjMaterial | None = None
    for number, line in enumerate(lines, 1):
        key, *rest = line.split(None, 1)[:2] or [""]
        value, key = (rest[0].strip() if rest else ""), key.lower()
        here = f"{name} line {number}"
        if key == "newmtl":
            current = materials.setdefault(value, ObjMaterial(value, beside))
        elif current is None:
            continue
        elif key == "kd":
            red, green, blue = _numbers(value, 3, here)
            current.colour = (red, green, blue)
        elif key in ("d", "tr"):
            (amount,) = _numbers(value.removeprefix("-halo"), 1, here)
            current.opacity = amount if key == "d" else 1 - amount
        elif key in MAPS:
            current.maps[MAPS[key]] = map_file(value, here)
        elif key in LEFT_OUT:
            left_out.append(f"material '{current.name}': {key} has no counterpart among the maps and is left out")
    return materials, left_out


def _numbers(value: str, count: int, here: str) -> tuple[float, ...]:
    try:
        found = tuple(min(max(float(word), 0.0), 1.0) for word in value.split()[:count])
    except ValueError:
        found = ()
    if len(found) != count or any(amount != amount for amount in found):
        raise AvatarError(f"{here}: '{value}' must be {count} numbers from 0 to 1")
    return found


def map_file(value: str, here: str) -> str:
    """File name in a map statement, behind its options. AvatarError for options that move or scale the image."""
    words = value.split()
    k = 0
    while k < len(words) and words[k].lower() in _OPTION_WIDTHS.keys() | _TRANSFORMS.keys():
        option = words[k].lower()
        k += 1
        if option in _OPTION_WIDTHS:
            k += _OPTION_WIDTHS[option]
            continue
        end = k
        while end < min(k + 3, len(words)) and _is_number(words[end]):
            end += 1
        if any(float(word) != _TRANSFORMS[option] for word in words[k:end]):
            raise AvatarError(
                f"{here}: the option {option} moves the image on the mesh, which is not read: bake it into the UVs"
            )
        k = end
    name = value.split(None, k)[k].strip() if k < len(words) else ""
    if not name:
        raise AvatarError(f"{here}: the map names no file")
    if "<udim>" in name.lower():
        raise AvatarError(f"{here}: '{name}' is a set of UDIM tiles: give each tile a material and an image of its own")
    return name


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def read_image(folder: Path, name: str, where: str) -> bytes:
    """Bytes of a map's image as they stand in the file; BMP, TGA and TIFF, which glTF can't hold, become PNG.

    A path from another machine (`C:\\work\\skin.png`) is looked for by its name beside the MTL.
    """
    bare = name.replace("\\", "/").rsplit("/", 1)[-1]
    foreign = name.startswith(("/", "\\")) or name[1:2] == ":"
    encoded = read_beside(folder, bare if foreign else name, where)
    other = encoded.startswith(_MAGIC_OF_OTHERS) or name.lower().endswith(".tga")
    try:
        return _as_png(encoded, bare) if other else texture.describe(bare, encoded).encoded
    except AvatarError as error:
        raise AvatarError(f"{where}: {error}") from error


def _as_png(encoded: bytes, name: str) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(encoded), formats=("BMP", "TGA", "TIFF"))
        if max(image.size) > texture.MAX_SIDE:
            raise AvatarError(
                f"texture '{name}' claims {image.width}x{image.height}; at most {texture.MAX_SIDE} a side can be used"
            )
        output = io.BytesIO()
        image.convert("RGBA" if "A" in image.getbands() else "RGB").save(output, "PNG")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise AvatarError(f"texture '{name}' can't be decoded ({error}): export it as PNG") from error
    return output.getvalue()

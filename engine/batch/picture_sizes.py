"""Whether the maps that a job asks for fit the format that it asks for: known from the textures' headers, before
anything is painted."""

from collections.abc import Sequence

from engine.avatar.model import ALBEDO, Material
from engine.avatar.texture import MAX_SIDE
from engine.batch.job import Job, Outputs
from engine.errors import AvatarError, BadInput
from engine.output import MOST_SIDE


def refuse_too_large(job: Job) -> None:
    """BadInput that names the avatar file whose texture is too large for `outputs.picture_format`.

    Reads the avatar files only where the format has a limit that they might pass; those that can't be read are passed
    over, for they are their patients' failures. Drawn bodies' textures fit every format.
    """
    if not _limited(job.outputs):
        return
    from engine.avatar.load import read_materials

    for path in dict.fromkeys(file.path for file in job.files()):
        try:
            materials = read_materials(path)
        except (AvatarError, OSError):
            continue
        refuse_textures(path.stem, materials, job.outputs)


def refuse_textures(name: str, materials: Sequence[Material], outputs: Outputs) -> None:
    """BadInput where one of an avatar's own albedo maps doesn't fit the format. name: the avatar's."""
    if not _limited(outputs):
        return
    most = MOST_SIDE[outputs.picture_format]
    for albedo in (material.maps[ALBEDO] for material in materials if ALBEDO in material.maps):
        if max(albedo.width, albedo.height) > most:
            raise BadInput(
                f"outputs.picture_format: {name} has a texture of {albedo.width}×{albedo.height}, and "
                f"{outputs.picture_format} holds at most {most} pixels a side; choose png or tiff, or a map_size"
            )


def _limited(outputs: Outputs) -> bool:
    """Whether a texture may be too large for this format. A `map_size` is far below any limit."""
    most = MOST_SIDE.get(outputs.picture_format, MAX_SIDE)
    return most < MAX_SIDE and "albedo" in outputs.maps and outputs.map_size is None

"""Whether the maps that a job asks for fit the format that it asks for: known from the textures' headers, before
anything is painted."""

from collections.abc import Iterable

from engine.avatar.model import ALBEDO, Avatar
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
    from engine.avatar.load import load

    for file in {file.path: file for file in job.files()}.values():
        try:
            avatar = load(file.path, file.unit, file.height_m)
        except (AvatarError, OSError):
            continue
        refuse_textures(avatar, job.outputs)


def refuse_textures(avatar: Avatar, outputs: Outputs) -> None:
    """BadInput where one of the avatar's own albedo maps doesn't fit the format."""
    if _limited(outputs):
        most = MOST_SIDE[outputs.picture_format]
        for width, height in _albedo_sizes(avatar):
            if max(width, height) > most:
                raise BadInput(
                    f"outputs.picture_format: {avatar.name} has a texture of {width}×{height}, and "
                    f"{outputs.picture_format} holds at most {most} pixels a side; choose png or tiff, or a map_size"
                )


def _limited(outputs: Outputs) -> bool:
    """Whether maps in this format have a limit. A `map_size` is far below any."""
    return outputs.picture_format in MOST_SIDE and "albedo" in outputs.maps and outputs.map_size is None


def _albedo_sizes(avatar: Avatar) -> Iterable[tuple[int, int]]:
    for material in avatar.materials:
        if ALBEDO in material.maps:
            yield material.maps[ALBEDO].width, material.maps[ALBEDO].height

"""The networks that can be trained: diffusers' `UNet2DModel` behind our stem, in two sizes, from noise or from others.

A smaller network may begin as a part of a trained one: blocks that it lacks are left out and wider ones cut (Kim et al.
2023, arXiv:2305.15798, section 3.1); what it has lost it learns again from the larger one's answers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from engine.diffusion.checkpoint import ANY_CLASS
from engine.diffusion.denoiser import UNetDenoiser
from engine.errors import ModelError

SIGMA_DATA = 0.5
STEM = 2
"""Space-to-depth of the wrapper."""
_HEAD = 32
_RESNET = re.compile(r"^((?:down|up)_blocks)\.(\d+)\.(resnets|attentions)\.(\d+)\.(.*)$")


@dataclass(frozen=True)
class Size:
    """widths: channels by level. layers: residual blocks per level. attention: levels, from the coarsest, that have it.

    middle: whether there is a block between the way down and the way up. groups: of each group normalisation; several
    channels a group, or a feature map loses its own brightness.
    """

    widths: tuple[int, ...]
    layers: int
    attention: int = 2
    middle: bool = True
    groups: int = 32


SIZES: Mapping[str, Size] = {
    "default": Size((64, 128, 192, 224), 2),
    "starter": Size((64, 96, 128, 160), 2),
    "small": Size((32, 64, 128, 160), 1, middle=False, groups=8),
    "tiny": Size((32, 32), 1, attention=1, middle=False),
}
"""19 M, 10 M, 5 M parameters, and one for tests and demonstrations.

The small one is narrow where pixels are many: half the work of (64, 96, 128, 128) with as many parameters.
"""


def unet_config(size: Size, classes: tuple[str, ...], native: int = 128) -> dict[str, Any]:
    """The U-Net's part of a model's `config.json`. classes: with `any`, in the network's order."""
    levels = len(size.widths)
    down = ["DownBlock2D"] * (levels - size.attention) + ["AttnDownBlock2D"] * size.attention
    return {
        "sample_size": native // STEM,
        "in_channels": UNetDenoiser.IN_CHANNELS[0],
        "out_channels": UNetDenoiser.OUT_CHANNELS,
        "layers_per_block": size.layers,
        "block_out_channels": list(size.widths),
        "down_block_types": down,
        "mid_block_type": "UNetMidBlock2D" if size.middle else None,
        "up_block_types": [name.replace("Down", "Up") for name in reversed(down)],
        "attention_head_dim": _HEAD,
        "norm_num_groups": size.groups,
        "num_class_embeds": len(classes),
    }


def with_any(classes: tuple[str, ...]) -> tuple[str, ...]:
    """The network's classes: those given and `any`, which class guidance and the unlabelled tenth use."""
    return (*classes, ANY_CLASS)


def fresh(unet: Mapping[str, Any]) -> UNetDenoiser:
    """A network with random weights whose first answer is its input, cleaned as best without knowledge."""
    from diffusers import UNet2DModel

    network = UNet2DModel(**unet)
    # Zero output: the preconditioning's skip path alone is the best answer of a network that knows nothing.
    torch.nn.init.zeros_(network.conv_out.weight)
    torch.nn.init.zeros_(network.conv_out.bias)
    network.to(memory_format=torch.channels_last)
    return UNetDenoiser(network, SIGMA_DATA)


def inherit(student: UNetDenoiser, teacher: UNetDenoiser) -> int:
    """Give the student the weights of the teacher's blocks that it has too; how many of its parameters it got.

    Wider tensors are cut to their first channels. ModelError where the two have different numbers of levels.
    """
    own, theirs = student.unet.state_dict(), teacher.unet.state_dict()
    levels = [len(n.unet.config.block_out_channels) for n in (student, teacher)]  # type: ignore[union-attr,arg-type]
    if levels[0] != levels[1]:
        raise ModelError(f"--from: a network of {levels[1]} levels has no parts for one of {levels[0]}")
    layers = [int(n.unet.config.layers_per_block) for n in (student, teacher)]  # type: ignore[union-attr,arg-type]
    given = 0
    for name, tensor in own.items():
        source = theirs.get(_counterpart(name, *layers))
        if source is not None and source.dim() == tensor.dim():
            part = tuple(slice(0, min(a, b)) for a, b in zip(tensor.shape, source.shape, strict=True))
            tensor[part] = source[part].to(tensor.dtype)
            given += tensor[part].numel()
    student.unet.load_state_dict(own)
    return given


def _counterpart(name: str, own_layers: int, their_layers: int) -> str:
    """The teacher's name of a student's weight. On the way up the last block of a level joins the level above: that
    joint, not the number, makes two blocks the same."""
    match = _RESNET.match(name)
    if match is None:
        return name
    way, level, kind, number, rest = match.groups()
    place = int(number)
    if way == "up_blocks" and place == own_layers:
        place = their_layers
    return f"{way}.{level}.{kind}.{place}.{rest}"


def parameters(network: torch.nn.Module) -> int:
    """How many weights are learnt."""
    return sum(weights.numel() for weights in network.parameters())


def same_architecture(one: UNetDenoiser, other: UNetDenoiser) -> bool:
    """Whether each has the other's weights, in name and shape."""
    shapes = [{name: tensor.shape for name, tensor in n.unet.state_dict().items()} for n in (one, other)]
    return shapes[0] == shapes[1]


def classes_chosen(network: UNetDenoiser, theirs: tuple[str, ...], wanted: tuple[str, ...]) -> UNetDenoiser:
    """The network with the embeddings of these classes in this order, in place; a class it lacks gets that of `any`.

    ModelError where it has neither.
    """
    embedding = network.unet.class_embedding
    rows = []
    for name in wanted:
        source = name if name in theirs else ANY_CLASS
        if source not in theirs:
            raise ModelError(f"--from: the model knows {', '.join(theirs)}, but not {name}, nor a class {ANY_CLASS!r}")
        rows.append(theirs.index(source))
    with torch.no_grad():
        chosen = torch.nn.Embedding(len(wanted), embedding.embedding_dim)  # type: ignore[union-attr,arg-type]
        chosen.weight.copy_(embedding.weight[rows])  # type: ignore[union-attr,index]
    network.unet.class_embedding = chosen
    return network

"""glTF accessors: typed arrays over the binary chunk, with every size checked before memory is taken.

Format: Khronos glTF 2.0 specification, section 3.6.2 (accessors, strides, sparse, normalised integers).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.avatar import gltf
from engine.avatar.gltf import Container, Json
from engine.errors import AvatarError

MAX_ELEMENTS = 24_000_000
"""Most elements of one accessor: two million triangles written without indices have six million."""

COMPONENTS: dict[int, np.dtype[Any]] = {
    5120: np.dtype("i1"),
    5121: np.dtype("u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
COMPRESSIONS = ("EXT_meshopt_compression", "KHR_meshopt_compression")


def count_of(container: Container, index: int, where: str) -> int:
    """How many elements an accessor claims to have (nothing is read)."""
    accessor = gltf.entry(container.document, "accessors", index, where)
    count = gltf.integer(accessor, "count", f"accessors[{index}]")
    if count > MAX_ELEMENTS:
        raise AvatarError(f"accessors[{index}] ({where}) claims {count} elements; at most {MAX_ELEMENTS} can be read")
    return count


def view_range(container: Container, index: int, where: str) -> tuple[int, int]:
    """First byte and length of a buffer view within the binary chunk."""
    view = gltf.entry(container.document, "bufferViews", index, where)
    here = f"bufferViews[{index}]"
    gltf.refuse_extension(view, COMPRESSIONS, here)
    if gltf.integer(view, "buffer", here) != 0:
        raise AvatarError(f"{here}: buffer is not the file's own; only the first buffer can be read")
    if "uri" in gltf.entry(container.document, "buffers", 0, here):
        raise AvatarError(f"{here}: its bytes lie outside the file; export the body as one GLB")
    offset = gltf.integer(view, "byteOffset", here, 0)
    length = gltf.integer(view, "byteLength", here)
    if offset + length > len(container.binary):
        have = len(container.binary)
        raise AvatarError(
            f"{here} ends at byte {offset + length}, but the binary chunk has {have}: the file is damaged"
        )
    return offset, length


def view_bytes(container: Container, index: int, where: str) -> memoryview:
    """The bytes of a buffer view."""
    offset, length = view_range(container, index, where)
    return container.binary[offset : offset + length]


def raw(container: Container, index: int, where: str, kinds: tuple[str, ...]) -> NDArray[Any]:
    """Elements of an accessor as they are stored: [count, width], in the file's component type; a copy.

    kinds: the accessor types that make sense here, such as `("VEC3",)`.
    """
    count = count_of(container, index, where)
    accessor = gltf.entry(container.document, "accessors", index, where)
    here = f"accessors[{index}] ({where})"
    kind = accessor.get("type")
    if kind not in kinds:
        raise AvatarError(f"{here} has the type {kind!r}; it must be {' or '.join(kinds)}")
    dtype = _component(accessor, here)
    shape = (count, WIDTHS[kind])
    view = gltf.reference(accessor, "bufferView", here)
    if view is None:
        elements = np.zeros(shape, dtype)
    else:
        offset = gltf.integer(accessor, "byteOffset", here, 0)
        stride = gltf.entry(container.document, "bufferViews", view, here).get("byteStride")
        elements = _elements(container, view, offset, stride, shape, dtype, here).copy()
    if "sparse" in accessor:
        _fill_sparse(container, gltf.obj(accessor, "sparse", here), elements, here)
    return elements


def _component(owner: Json, here: str) -> np.dtype[Any]:
    kind = gltf.integer(owner, "componentType", here)
    if kind not in COMPONENTS:
        raise AvatarError(f"{here}: componentType {kind} is unknown: the file is damaged")
    return COMPONENTS[kind]


def _elements(
    container: Container, view: int, offset: int, stride: Any, shape: tuple[int, int], dtype: np.dtype[Any], here: str
) -> NDArray[Any]:
    start, length = view_range(container, view, here)
    size = shape[1] * dtype.itemsize
    step = size if stride is None else stride
    if type(step) is not int or not size <= step <= 252:
        raise AvatarError(f"{here}: byteStride {step!r} does not fit elements of {size} bytes")
    if shape[0] and offset + step * (shape[0] - 1) + size > length:
        raise AvatarError(f"{here} runs past the end of bufferViews[{view}] ({length} bytes): the file is damaged")
    if not shape[0]:
        return np.zeros(shape, dtype)
    return np.ndarray(shape, dtype, container.binary, start + offset, (step, dtype.itemsize))


def _fill_sparse(container: Container, sparse: Json, elements: NDArray[Any], here: str) -> None:
    count = gltf.integer(sparse, "count", f"{here}.sparse")
    if count > len(elements):
        raise AvatarError(f"{here}: sparse.count {count} exceeds the accessor's {len(elements)} elements")
    indices, values = gltf.obj(sparse, "indices", here), gltf.obj(sparse, "values", here)
    columns = []
    for part, width, dtype in ((indices, 1, _component(indices, here)), (values, elements.shape[1], elements.dtype)):
        view = gltf.integer(part, "bufferView", f"{here}.sparse")
        offset = gltf.integer(part, "byteOffset", f"{here}.sparse", 0)
        columns.append(_elements(container, view, offset, None, (count, width), dtype, f"{here}.sparse"))
    places = columns[0][:, 0]
    if places.dtype.kind != "u" or (count and int(places.max()) >= len(elements)):
        raise AvatarError(f"{here}: sparse indices are out of range: the file is damaged")
    elements[places] = columns[1]


def floats(container: Container, index: int, where: str, kinds: tuple[str, ...]) -> NDArray[np.float32]:
    """Elements as float32 [count, width]; normalised integers become fractions, others keep their value."""
    elements = raw(container, index, where, kinds)
    accessor = gltf.entry(container.document, "accessors", index, where)
    values: NDArray[np.float32] = elements.astype(np.float32, copy=False)
    if elements.dtype.kind != "f" and accessor.get("normalized") is True:
        values = np.maximum(values / np.float32(np.iinfo(elements.dtype).max), np.float32(-1))
    return values


def indices(container: Container, index: int, where: str, kinds: tuple[str, ...] = ("SCALAR",)) -> NDArray[np.int64]:
    """Elements as whole numbers int64 [count, width]; AvatarError where they are fractions or signed."""
    elements = raw(container, index, where, kinds)
    if elements.dtype.kind != "u":
        raise AvatarError(f"accessors[{index}] ({where}) must hold unsigned whole numbers, not {elements.dtype.name}")
    return elements.astype(np.int64)

"""Small networks as ONNX files, written field by field (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto)."""

from pathlib import Path


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def blob(field: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def value(name: str, shape: tuple[int, ...]) -> bytes:
    dimensions = b"".join(blob(1, number(1, size)) for size in shape)
    return blob(1, name) + blob(2, blob(1, number(1, 1) + blob(2, dimensions)))


def node(kind: str, inputs: tuple[str, ...], output: str) -> bytes:
    return b"".join(blob(1, name) for name in inputs) + blob(2, output) + blob(3, output) + blob(4, kind)


def model(inputs: dict[str, int], nodes: list[bytes], shape: tuple[int, ...]) -> bytes:
    graph = b"".join(blob(1, n) for n in nodes) + blob(2, "g")
    graph += b"".join(blob(11, value(name, (1, 3, side, side))) for name, side in inputs.items())
    graph += blob(12, value("out", shape))
    return number(1, 8) + blob(8, blob(1, "") + number(2, 13)) + blob(7, graph)


def mean_colour(path: Path) -> Path:
    """A network whose features are the mean of each channel of [1, 3, 299, 299]."""
    path.write_bytes(model({"picture": 299}, [node("GlobalAveragePool", ("picture",), "out")], (1, 3, 1, 1)))
    return path

"""Networks of others, where the user supplies their weights: features for FID and KID, and LPIPS.

They come as ONNX files, which hold numbers and a graph but no code; OpenCV evaluates them. A feature network takes
float32 [1, 3, 299, 299] in [-1, 1] and gives [1, D]: Inception's 2,048 pooled features, compared as they are, give FID
and KID by their definitions; FID of few pictures is larger than that of many. LPIPS (Zhang et al. 2018,
arXiv:1801.03924) takes `input0` and `input1`, [1, 3, 128, 128] each, and gives one number.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.evaluation.distances import Features
from engine.evaluation.diversity import PAIRS, mean_of_pairs, random_pairs
from engine.evaluation.estimate import Estimate

EXTERNAL = "Inception"
"""What the report calls the features of the user's network. They are compared raw."""
MOST_BYTES = 2 << 30
MOST_FEATURES = 1 << 14
INCEPTION_SIDE = 299
LPIPS_SIDE = 128


class Network:
    """An ONNX network of the user's. BadInput where it can't be read."""

    def __init__(self, path: Path, option: str) -> None:
        self._path, self._option = path, option
        if not path.is_file():
            raise BadInput(f"{option}: {path} is no file; give a network as ONNX")
        if not 0 < path.stat().st_size <= MOST_BYTES:
            raise BadInput(f"{option}: {path} has {path.stat().st_size} bytes; at most {MOST_BYTES >> 30} GiB are read")
        try:
            self._net = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise BadInput(f"{option}: {path} is no ONNX network that OpenCV can read ({_told(error)})") from error

    def features(self, rgb: NDArray[np.uint8], side: int = INCEPTION_SIDE) -> Features:
        """float64 [N, D] of pictures uint8 [N, S, S, 3], enlarged to `side`."""
        rows = [self._run([_blob(picture, side)]) for picture in rgb]
        lengths = {len(row) for row in rows}
        if len(lengths) > 1 or not all(0 < length <= MOST_FEATURES for length in lengths):
            raise BadInput(f"{self._option}: {self._path} gives {sorted(lengths)} numbers a picture; expected one row")
        return np.array(rows, float)

    def distance(self, a: NDArray[np.uint8], b: NDArray[np.uint8], side: int = LPIPS_SIDE) -> float:
        """LPIPS of two pictures."""
        row = self._run([_blob(a, side), _blob(b, side)])
        if len(row) != 1:
            raise BadInput(f"{self._option}: {self._path} gives {len(row)} numbers for a pair; expected one")
        return float(row[0])

    def _run(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        names = [""] if len(inputs) == 1 else [f"input{i}" for i in range(len(inputs))]
        try:
            for name, blob in zip(names, inputs, strict=True):
                self._net.setInput(blob, name)
            row = np.asarray(self._net.forward(), float).reshape(-1)
        except cv2.error as error:
            raise BadInput(f"{self._option}: {self._path} can't be evaluated ({_told(error)})") from error
        if not np.isfinite(row).all():
            raise BadInput(f"{self._option}: {self._path} gives values that are no numbers")
        return row


def lpips_diversity(network: Network, rgb: NDArray[np.uint8], lesions: tuple[str, ...], seed: int) -> Estimate:
    """Mean LPIPS over random pairs of different lesions: higher is more various."""
    pairs = random_pairs(lesions, PAIRS, seed)
    values = np.array([network.distance(rgb[i], rgb[j]) for i, j in pairs])
    return mean_of_pairs(values, pairs, lesions, (0.0, np.inf))


def _blob(picture: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    resized = cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray((resized.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])


def _told(error: cv2.error) -> str:
    return " ".join(str(error).split())[:160]

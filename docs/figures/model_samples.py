"""The model card's sheet: what the network paints unguided, with the skin known, and with a shape given as well.

python -m docs.figures.model_samples [--model default] [-o engine/models/default/samples.png]
"""

import argparse
from pathlib import Path

from engine.generators.ddpm import DdpmGenerator
from engine.training.sheet import HOW, SEEDS, SIDE, request, skin, write_sheet

__all__ = ["CLASSES", "HOW", "SEEDS", "SIDE", "request", "skin"]

CLASSES = ("nevus", "melanoma")


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("-o", "--output", type=Path, default=Path("engine/models/default/samples.png"))
    arguments = parser.parse_args()
    write_sheet(arguments.output, DdpmGenerator(arguments.model), "What the network paints")
    print(arguments.output)


if __name__ == "__main__":
    main()

"""The model card's sheet: what the network paints unguided, with the skin known, and with a shape given as well.

python -m docs.figures.model_samples [--model default] [-o SHEET, the model's own samples.png if left out]
"""

import argparse
from pathlib import Path

from engine.generators.ddpm import DdpmGenerator
from engine.training.sheet import HOW, NAME, SEEDS, SIDE, request, skin, write_sheet

__all__ = ["CLASSES", "HOW", "SEEDS", "SIDE", "request", "skin"]

CLASSES = ("nevus", "melanoma")
TITLE = "What the network paints"


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    generator = DdpmGenerator(arguments.model)
    output = arguments.output or generator.model.folder / NAME
    write_sheet(output, generator, TITLE)
    print(output)


if __name__ == "__main__":
    main()

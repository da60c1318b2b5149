"""A process that edits a scene until it is killed, and says after each commit how many there are."""

import sys
from pathlib import Path

from scene_samples import layer

from engine.scene import Scene


def after(commits: int) -> list[int]:
    """Numbers of the layers that stand after so many commits: every fourth commit undoes the one before it."""
    return [number for number in range(commits) if number % 4 != 3 and (number % 4 != 2 or number == commits - 1)]


def main() -> None:
    """Go on where the scene stands."""
    with Scene.open(Path(sys.argv[1]), write=True) as scene:
        print("open", flush=True)
        while True:
            number = scene.revision - 1
            if number % 4 == 3:
                scene.undo()
            else:
                with scene.edit(f"Add {number}") as edit:
                    edit.add(layer(number, 96))
            print(number + 1, flush=True)


if __name__ == "__main__":
    main()

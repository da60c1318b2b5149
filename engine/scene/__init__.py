"""The document: an avatar, lesions as layers, regions and the whole history, in one SQLite file `*.moulage`."""

from engine.scene.document import Scene
from engine.scene.history import Changed, Edit, Step
from engine.scene.records import LayerEntry, Region
from engine.scene.recovery import Recovery, recover

__all__ = ["Changed", "Edit", "LayerEntry", "Recovery", "Region", "Scene", "Step", "recover"]

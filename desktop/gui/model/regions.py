"""Regions of skin that the user chooses: painted here at once, kept in the scene step by step.

What is painted shows at once; each finished gesture becomes a step of the history in the background.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.gui.model.region_overlay import ACTIVE, PROTECTED, Rects, composed, touches
from desktop.gui.model.texts import tr
from engine.lesion import Site
from engine.scatter import SkinRegion
from engine.scene import Edit
from engine.scene.records import Region
from engine.surface.painting import Mask, Masks, Piece, SkinGrid

if TYPE_CHECKING:
    from desktop.gui.model.document import Document
    from desktop.gui.model.session import Session

__all__ = ["ACTIVE", "PROTECTED", "Rects", "Regions"]

_MEASURE = "measure region"


class Regions(QObject):
    """The scene's regions in memory.

    active: the region that tools paint; its name, or "" before there is one. overlay: uint8 [H, W] by material, bits
    ACTIVE and PROTECTED; only materials on which something is painted. area_cm2: of the active region, None while it is
    being measured. painted: texels changed (material → rectangles, or None for everything). listed: names, protection
    or the active region changed.
    """

    painted = Signal(object)
    listed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.active = ""
        self.overlay: dict[int, NDArray[np.uint8]] = {}
        self.area_cm2: float | None = 0.0
        self._known: dict[str, Region] = {}
        self._masks: Masks = {}
        self._saving: dict[str, int] = {}
        self._document: Document | None = None
        session.document_changed.connect(self._take_document)
        session.lesions_changed.connect(lambda _: self.follow())

    @property
    def grid(self) -> SkinGrid | None:
        """The texels that regions are painted on."""
        return None if self._document is None else self._document.grid

    @property
    def names(self) -> tuple[str, ...]:
        """All regions by name."""
        return tuple(sorted(self._known))

    def is_protected(self, name: str) -> bool:
        """Whether lesions keep out of a region."""
        return name in self._known and self._known[name].protected

    def masks(self, name: str | None = None) -> Mapping[int, Mask]:
        """A region's masks by material; the active one's where no name is given. Read them, don't write."""
        if name is None or name == self.active:
            return self._masks
        return self._known[name].masks if name in self._known else {}

    @property
    def is_empty(self) -> bool:
        """Whether the active region holds no skin."""
        return not any(mask.any() for mask in self._masks.values())

    def keep_out(self, site: Site, diameter_mm: float) -> bool:
        """Whether a lesion of this size at a site would enter a protected area: its middle or its rim."""
        protected, document = self._session.protected, self._document
        if not protected or document is None:
            return False
        return touches(document.patient.surface, document.island_material, protected, site, diameter_mm)

    # gestures

    def paint(self, pieces: Sequence[Piece], add: bool = True) -> None:
        """Add skin to the active region or take it away; shown at once, kept by `finish`."""
        grid = self.grid
        if grid is None or not pieces:
            return
        if not self.active:
            self.active = self._new_name()
            self.listed.emit()
        dirty = grid.paint(self._masks, pieces, add)
        self._compose(dirty)
        self.painted.emit(dirty)

    def finish(self, step: str) -> None:
        """Keep what was painted as one step; does nothing before anything was."""
        if self.active:
            self._keep(f"{step} {self.active}", self.active, self._masks, self.is_protected(self.active))
            self._measure()

    def replace(self, masks: Masks, step: str) -> None:
        """Make the active region other skin, as one step."""
        if not self.active:
            self.active = self._new_name()
        self._masks = masks
        self._compose(None)
        self.painted.emit(None)
        self.listed.emit()
        self.finish(step)

    # the list

    def choose(self, name: str) -> None:
        """Show and paint another region; "" for none."""
        if name == self.active and (name in self._known or not name):
            return
        self.active = name
        grid = self.grid
        self._masks = grid.fitted(self._known[name].masks) if grid is not None and name in self._known else {}
        self._compose(None)
        self.painted.emit(None)
        self.listed.emit()
        self._measure()

    def begin_new(self) -> None:
        """The next gesture paints a region of its own."""
        self.choose("")

    def rename(self, name: str, wanted: str) -> str:
        """Call a region otherwise; a line that says why not, or ""."""
        wanted = wanted.strip()
        if wanted == name or name not in self._known:
            return ""
        if not wanted or len(wanted) > 200:
            return tr("A region's name must have 1 to 200 characters.")
        if wanted in self._known:
            return tr("There is a region called {} already.").format(wanted)
        region = self._known.pop(name)
        self._known[wanted] = Region(wanted, region.masks, region.protected)
        if self.active == name:
            self.active = wanted
        self._edit(f"Rename {name}", (name, wanted), self._known[wanted], gone=name)
        self.listed.emit()
        return ""

    def remove(self, name: str) -> None:
        """Forget a region."""
        if name not in self._known:
            return
        del self._known[name]
        self._edit(f"Remove region {name}", (name,), None, gone=name)
        if name == self.active:
            self.choose("")
        else:
            self._compose(None)
            self.painted.emit(None)
            self.listed.emit()
        self._tell_protected()

    def protect(self, name: str, on: bool) -> None:
        """Keep lesions out of a region, or let them in again."""
        if name not in self._known or self._known[name].protected == on:
            return
        masks = dict(self.masks(name))
        self._keep(f"{'Protect' if on else 'Open'} {name}", name, masks, on)
        self._compose(None)
        self.painted.emit(None)
        self.listed.emit()
        self._tell_protected()

    # following the scene

    def follow(self) -> None:
        """Take over what the scene holds, where no gesture of ours is still on its way there."""
        document, grid = self._document, self.grid
        if document is None or grid is None or document is not self._session.document:
            return
        present = {region.name: region for region in document.state.regions}
        changed = set(present) ^ set(self._known) | {
            name for name in set(present) & set(self._known) if present[name] is not self._known[name]
        }
        changed = {name for name in changed if not self._saving.get(name)}
        if not changed:
            return
        redraw = False
        for name in changed:
            former = self._known.pop(name, None)
            region = present.get(name)
            if region is not None:
                self._known[name] = region
            same = former is not None and region is not None and _equal(former, region)
            redraw |= not same
            if name == self.active and not same:
                self._masks = grid.fitted(region.masks) if region is not None else {}
                self.active = name if region is not None else ""
        if redraw:
            self._compose(None)
            self.painted.emit(None)
            self._measure()
            self._tell_protected()
        self.listed.emit()

    def _take_document(self) -> None:
        self._document = self._session.document
        self._known, self._masks, self._saving, self.active = {}, {}, {}, ""
        self.overlay = {}
        self.area_cm2 = 0.0
        if self._document is not None:
            self._known = {region.name: region for region in self._document.state.regions}
            self._compose(None)
            self._tell_protected()
        self.painted.emit(None)
        self.listed.emit()

    def _keep(self, step: str, name: str, masks: Mapping[int, Mask], protected: bool) -> None:
        kept = {material: mask.copy() for material, mask in masks.items() if mask.any()}
        self._known[name] = Region(name, kept, protected)
        self._edit(step, (name,), self._known[name])
        if protected:
            self._tell_protected()

    def _edit(self, step: str, names: tuple[str, ...], region: Region | None, gone: str = "") -> None:
        from desktop.gui.model import verbs

        session = self._session

        def change(edit: Edit) -> None:
            if gone:
                edit.remove_region(gone)
            if region is not None:
                edit.set_region(region)

        def settled() -> None:
            for name in names:
                self._saving[name] -= 1
            self.follow()

        for name in names:
            self._saving[name] = self._saving.get(name, 0) + 1
        verbs.edit(session, step, change, lambda _: settled(), settled)

    def _compose(self, dirty: Rects | None) -> None:
        """Bring the overlay up to date in some rectangles, or everywhere."""
        guarded = [r.masks for r in self._known.values() if r.protected and r.name != self.active]
        own = ACTIVE | (PROTECTED if self.is_protected(self.active) else 0)
        self.overlay = composed(self.grid, self.overlay, self._masks, own, guarded, dirty)

    def _measure(self) -> None:
        """Tell the session, when it is known, which faces the region has; this takes a moment on large textures."""
        grid, session, name = self.grid, self._session, self.active
        if grid is None:
            return
        self.area_cm2 = None
        masks = {material: mask.copy() for material, mask in self._masks.items() if mask.any()}

        def measured(found: tuple[Mask, float]) -> None:
            if grid is self.grid and name == self.active:
                faces, self.area_cm2 = found
                session.set_region(SkinRegion(faces, masks) if masks else None, name if masks else "")
                self.listed.emit()

        def failed(error: Exception) -> None:
            from desktop.gui.model import verbs

            verbs.tell(session, error)

        session.background.run(lambda: (grid.faces_of(masks), grid.area_cm2(masks)), measured, failed, _MEASURE)

    def _tell_protected(self) -> None:
        grid = self.grid
        together: Masks = {}
        for name, region in self._known.items():
            if grid is None or not region.protected:
                continue
            for material, mask in grid.fitted(self.masks(name)).items():
                together[material] = together[material] | mask if material in together else mask
        self._session.set_protected(together)

    def _new_name(self) -> str:
        number = 1
        while f"Region {number}" in self._known:
            number += 1
        return f"Region {number}"


def _equal(one: Region, other: Region) -> bool:
    if one.protected != other.protected or set(one.masks) != set(other.masks):
        return False
    return all(np.array_equal(mask, other.masks[material]) for material, mask in one.masks.items())

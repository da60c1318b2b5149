"""A lesion that is dragged along the skin: shown where the pointer is, one step of the history when it is let go."""

from dataclasses import dataclass

from desktop.gui.model import lesions, verbs
from desktop.gui.model.session import Session
from engine.lesion import Site


@dataclass
class Drag:
    """The gesture under way. site: where the lesion is shown, None until it was moved."""

    session: Session
    layer_id: str
    site: Site | None = None

    @classmethod
    def begin(cls, session: Session, layer_id: str) -> "Drag | None":
        """Take hold of a lesion; None, told, for a locked one."""
        return cls(session, layer_id) if lesions.unlocked(session, [layer_id]) else None

    def to(self, site: Site) -> None:
        """Show the lesion there."""
        self.site = site
        lesions.move(self.session, self.layer_id, site, commit=False)

    def drop(self) -> None:
        """Let go: one step, or none where nothing was moved."""
        if self.site is not None:
            lesions.move(self.session, self.layer_id, self.site)

    def give_up(self) -> None:
        """Everything as before."""
        if self.site is not None:
            verbs.show_as_saved(self.session)

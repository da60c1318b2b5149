"""The buttons that grow: one lesion, variants to choose from, many over a region; and how far the wish under way is."""

from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from desktop.gui.model import growing, scattering
from desktop.gui.model.session import Session
from desktop.gui.views.controls import button, check, choice, name_all, row, whole


class GrowControls(QWidget):
    """What `growing` and `scattering` do, by buttons."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.grow = button(self.tr("Grow lesion"), "grow")
        self.variants, self.variant_count = button(self.tr("Variants")), whole(2, 6, 3)
        self.scatter, self.scatter_count = button(self.tr("Scatter")), whole(1, scattering.MOST, 5)
        self.gap = whole(0, 200, 5, self.tr("≥ "), self.tr(" mm"))
        self.as_they_occur = check(self.tr("Sizes as they occur"), on=True)
        self.density = choice(((self.tr("By body part"), True), (self.tr("Evenly"), False)))
        self.cancel, self.progress = button(self.tr("Cancel")), QProgressBar()
        self._name_controls()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(row((self.grow, 1), (self.variants, 0), (self.variant_count, 0)))
        column.addLayout(row((self.scatter, 1), (self.scatter_count, 0), (self.gap, 0)))
        column.addLayout(row((self.as_they_occur, 1), (self.density, 0)))
        column.addLayout(row((self.progress, 1), (self.cancel, 0)))
        self.grow.clicked.connect(lambda: growing.grow(session))
        self.variants.clicked.connect(self.grow_variants)
        self.scatter.clicked.connect(self.scatter_lesions)
        self.cancel.clicked.connect(lambda: growing.cancel(session))
        signals = (session.job_changed, session.engine_changed, session.site_changed, session.busy_changed)
        for signal in (*signals, session.document_changed, session.region_changed):
            signal.connect(self._show)
        self._show()

    def grow_variants(self) -> None:
        """As many variants as asked for here."""
        growing.variants(self.session, self.variant_count.value())

    def scatter_lesions(self) -> None:
        """As many lesions, as far apart and as dense, as asked for here."""
        scattering.scatter(
            self.session,
            self.scatter_count.value(),
            self.gap.value(),
            as_they_occur=self.as_they_occur.isChecked(),
            by_body_part=self.density.currentData(),
        )

    def _name_controls(self) -> None:
        name_all(
            (
                (
                    self.grow,
                    self.tr("Grow lesion"),
                    self.tr("Grow a lesion at the marked place (G). You can mark the next place meanwhile."),
                ),
                (
                    self.variants,
                    self.tr("Grow variants"),
                    self.tr("Grow several for the marked place, and choose one of them (V)."),
                ),
                (self.variant_count, self.tr("Number of variants"), self.tr("How many to choose among.")),
                (
                    self.scatter,
                    self.tr("Scatter in the region"),
                    self.tr("Grow lesions all over the painted or chosen region, apart (S)."),
                ),
                (
                    self.scatter_count,
                    self.tr("Number of lesions to scatter"),
                    self.tr("How many lesions the region shall get."),
                ),
                (
                    self.gap,
                    self.tr("Least distance between scattered lesions"),
                    self.tr("How much skin is left free between two lesions."),
                ),
                (
                    self.as_they_occur,
                    self.tr("Sizes as they occur"),
                    self.tr("Each its own usual size; otherwise all of this diameter."),
                ),
                (
                    self.density,
                    self.tr("Density of scattered lesions"),
                    self.tr(
                        "By body part: as is usual for the class, nevi denser on face, back and upper arms than on"
                        " belly and legs, hardly any on palms and soles. Evenly: the same on every part of the region."
                    ),
                ),
                (self.cancel, self.tr("Cancel"), self.tr("Stop growing; nothing is changed (Esc).")),
                (self.progress, self.tr("Progress"), ""),
            )
        )

    def _show(self) -> None:
        session, job = self.session, self.session.job
        self.grow.setEnabled(growing.can_grow(session))
        self.variants.setEnabled(growing.can_grow(session))
        self.scatter.setEnabled(scattering.can_scatter(session))
        region = session.region_name.replace("&", "&&")  # a single one would mark a letter
        self.scatter.setText(self.tr("Scatter in {}").format(region) if region else self.tr("Scatter in region"))
        self.density.setEnabled(session.document is None or scattering.has_body_parts(session))
        self.cancel.setVisible(job is not None)
        self.cancel.setEnabled(job is not None and not job.cancelled)
        self.progress.setVisible(job is not None or bool(self._hint()))
        self.progress.setRange(0, 1000)
        self.progress.setValue(0 if job is None else round(1000 * job.share))
        self.progress.setFormat(self._hint() if job is None else self._doing())

    def _doing(self) -> str:
        """How far the wish under way is: which of how many lesions, time left, how many wishes wait."""
        job, waiting = self.session.job, len(self.session.queue)
        assert job is not None
        if job.cancelled:
            return self.tr("Stopping …")
        left = job.seconds_left
        parts = []
        if job.count > 1:
            parts.append(self.tr("{} of {}").format(min(len(job.layers) + 1, job.count), job.count))
        if job.painting_since is None:
            parts.append(self.tr("Preparing the skin …"))
        else:
            parts.append("%p %" if left is None else self.tr("%p %, {:.0f} s left").format(left))
        if waiting:
            parts.append(self.tr("{} waiting").format(waiting))
        return " · ".join(parts)

    def _hint(self) -> str:
        """What is still missing before a lesion can be grown."""
        session = self.session
        if session.document is None:
            return ""
        if session.engine_fault:
            return self.tr("The engine isn't running")
        if not session.engine.is_ready:
            return self.tr("The engine is starting …")
        return self.tr("Click on the skin to mark a place") if session.site is None else ""

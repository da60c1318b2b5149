"""The widget that shows the body's picture: it makes it, keeps it up to date, and lays marks over it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import moderngl
from PySide6.QtCore import QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QHideEvent, QImage, QPainter, QPaintEvent, QPixmap, QRegion, QShowEvent
from PySide6.QtWidgets import QWidget

from desktop.gui import theme
from desktop.gui.model.camera import Camera
from desktop.gui.model.document import Changes, Document
from desktop.gui.model.mesh import Box
from desktop.gui.model.regions import Rects
from desktop.gui.model.session import Session
from desktop.gui.views.body_picture import BodyPicture, Shot
from desktop.gui.views.body_scene import BodyScene, Pose
from desktop.gui.views.offscreen import Offscreen

if TYPE_CHECKING:
    from desktop.gui.views.marks import Marks

_REST_MS = 150
"""So long after the last move the body has come to rest."""


class BodyCanvas(QWidget):
    """Shows the session's document as `camera` sees it. failed: why it can't. drawn: a frame of it was painted."""

    failed = Signal(str)
    drawn = Signal()
    marks: "Marks"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.camera: Camera | None = None
        self.picture: BodyPicture | None = None
        self.offscreen: Offscreen | None = None
        self._broken = False
        self._on_screen: Shot | None = None
        self._resting = QTimer(self, singleShot=True)
        self._resting.timeout.connect(self._sharpen)
        self._uploading = QTimer(self, interval=0)
        self._uploading.timeout.connect(self._upload)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    @property
    def shot(self) -> Shot | None:
        """The picture that is shown."""
        return self.picture.shot if self.picture is not None else None

    @property
    def live(self) -> BodyPicture | None:
        """The picture. None before it was made, and where its context was lost: the next drawing makes it anew."""
        if self.picture is not None and self.offscreen is not None and not self.offscreen.usable:
            self.picture = self.offscreen = None
            self._resting.stop()
            self._uploading.stop()
            self.marks.forget()
            self.update()
        return self.picture

    @property
    def scene(self) -> BodyScene | None:
        """The body on the graphics card; None before it was drawn."""
        return self.picture.scene if self.picture is not None else None

    def paintEvent(self, event: QPaintEvent) -> None:
        """The body where it changed, and the marks."""
        with QPainter(self) as painter:
            self._paint(painter, event.region(), quickly=True)
        former, self._on_screen = self._on_screen, self.shot
        if self.shot is not former and event.region() != QRegion(self.rect()):
            self.update()  # beside what was exposed there is another picture still

    def still(self) -> QImage:
        """The body with its marks, as sharp as it gets; one pixel of the image for each of the screen."""
        ratio = self.devicePixelRatio()
        image = QImage(self.size() * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        with QPainter(image) as painter:
            self._paint(painter, QRegion(self.rect()), quickly=False)
        return image

    def grab(self, rectangle: QRect | None = None) -> QPixmap:
        """The widget at rest."""
        pose = self.pose
        if pose is not None and self._made():
            assert self.picture is not None
            self.picture.draw(pose, quickly=False)
        shown = self._on_screen
        image = super().grab() if rectangle is None else super().grab(rectangle)
        self._on_screen = shown
        return image

    def _paint(self, painter: QPainter, region: QRegion, quickly: bool) -> None:
        pose = self.pose
        if pose is None or not self._made():
            painter.fillRect(self.rect(), QColor.fromRgbF(*theme.BACKDROP))
            return
        assert self.picture is not None and self.offscreen is not None
        before = self.picture.shot
        shot = self.picture.draw(pose, quickly and self.offscreen.in_software)
        if shot is not before:
            self.marks.spoil()
            if not shot.smooth:
                self._resting.start(_REST_MS)
        image = shot.image
        if (image.width(), image.height()) == pose.size:
            image.setDevicePixelRatio(pose.ratio)
            painter.drawImage(QPointF(), image)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRectF(self.rect()), image)
        self.marks.paint(painter, region)
        self.drawn.emit()

    @property
    def pose(self) -> Pose | None:
        """What the picture should show now."""
        if self.camera is None or self.session.document is None:
            return None
        ratio = self.devicePixelRatio()
        size = max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)
        return Pose(self.camera, self.session.tools.looks, size, ratio, theme.BACKDROP)

    def _made(self) -> bool:
        """Whether there is something to draw with."""
        document = self.session.document
        if self.live is None and document is not None and not self._broken:
            self._make(document)
        return self.picture is not None

    def _make(self, document: Document) -> None:
        try:
            self.offscreen = self.offscreen or Offscreen()
        except OSError as error:
            self._broken = True
            missing = self.tr("The body can't be shown: OpenGL 3.3 is missing here ({}). Update the driver.")
            self.failed.emit(missing.format(error))
            return
        try:
            self.picture = BodyPicture(self.offscreen, document)
        except (moderngl.Error, MemoryError) as error:
            self._broken = True
            refused = self.tr("The body can't be shown: the graphics card refuses it ({}). The texture still works.")
            self.failed.emit(refused.format(error))
            return
        self.picture.paint(self.session.regions.overlay, None)
        if not self.picture.scene.complete:
            self._uploading.start()

    def _upload(self) -> None:
        """A piece of what is not on the card yet."""
        if (picture := self.live) is not None and picture.upload():
            self.update()
        if self.picture is None or self.picture.scene.complete:
            self._uploading.stop()

    def _sharpen(self) -> None:
        """A band of the smooth picture, once the body has come to rest."""
        if (picture := self.live) is None or not picture.sharpens:
            return
        picture.sharpen()
        if picture.sharpens:
            self._resting.start(0)
        else:
            self.marks.spoil()
            self.update()

    def sharpen_now(self) -> None:
        """What was drawn quickly gets sharp without waiting for rest."""
        if self.picture is not None and self.picture.sharpens:
            self._resting.start(0)

    # what changes

    def begin_anew(self) -> None:
        """Another document was opened."""
        if (picture := self.live) is not None:
            picture.release()
        self._resting.stop()
        self._uploading.stop()
        self.picture, self.camera, self._broken = None, None, False
        self.marks.forget()

    def follow(self, changes: Changes) -> None:
        """Texels changed."""
        if (picture := self.live) is not None:
            self._spoiled(picture.follow(changes))

    def follow_paint(self, dirty: Rects | None) -> None:
        """The region's overlay changed."""
        if (picture := self.live) is not None:
            self._spoiled(picture.paint(self.session.regions.overlay, dirty))

    def _spoiled(self, boxes: Sequence[Box]) -> None:
        ratio = self.devicePixelRatio()
        for left, top, right, bottom in boxes:
            box = QRectF(left / ratio, top / ratio, (right - left) / ratio, (bottom - top) / ratio)
            self.update(box.adjusted(-1, -1, 1, 1).toAlignedRect())

    def showEvent(self, event: QShowEvent) -> None:
        """Go on with what was left."""
        super().showEvent(event)
        self.sharpen_now()
        if self.picture is not None and not self.picture.scene.complete:
            self._uploading.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """What can't be seen isn't drawn."""
        self._resting.stop()
        self._uploading.stop()
        super().hideEvent(event)

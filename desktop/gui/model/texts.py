"""Texts through Qt's translation, for all that is no widget (widgets have a `tr` of their own).

What a scene's file holds (names of steps and regions), what the engine reports and what the user named are data, and
stay as they are.
"""

from PySide6.QtCore import QCoreApplication

from engine.lesion import LesionLayer


def tr(text: str, context: str = "Moulage") -> str:
    """The text in the user's language; data goes in afterwards, by `format`."""
    return QCoreApplication.translate(context, text) if text else ""


def body_part(name: str) -> str:
    """A part of the body as the user calls it: `left-forearm` is the left forearm."""
    return tr(name.replace("-", " "), "BodyParts")


def lesion_class(name: str) -> str:
    """A class of lesions as the user calls it."""
    return tr(name, "Classes")


def described(layer: LesionLayer) -> str:
    """A lesion in words: class, size, place."""
    told = tr("{}, {:.1f} mm").format(lesion_class(layer.spec.lesion_class), layer.diameter_mm)
    return tr("{}, {}").format(told, body_part(layer.body_part)) if layer.body_part else told

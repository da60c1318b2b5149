"""What is looked at, and how."""

from desktop.gui.actions.entry import Action, is_open
from desktop.gui.model.session import Session
from desktop.gui.model.tools import Light, Tint


def _tint(session: Session, tint: Tint) -> None:
    session.tools.show(tint=Tint.NONE if session.tools.looks.tint is tint else tint)


def _light(session: Session) -> None:
    three = session.tools.looks.light is Light.THREE_POINT
    session.tools.show(light=Light.HEAD if three else Light.THREE_POINT)


TABLE = (
    Action("&View", "&Front", "F", lambda w: w.body.look(0.0), is_open),
    Action("&View", "&Back", "B", lambda w: w.body.look(180.0), is_open),
    Action("&View", "Patient's &left", "L", lambda w: w.body.look(90.0), is_open),
    Action("&View", "Patient's &right", "R", lambda w: w.body.look(-90.0), is_open),
    Action(
        *("&View", "&Close up", "C", lambda w: w.body.look_closely()),
        lambda s: s.document is not None and (s.site is not None or s.selection is not None),
    ),
    Action("&View", "Zoom &in", "+", lambda w: w.zoom(closer=True), is_open),
    Action("&View", "Zoom &out", "-", lambda w: w.zoom(closer=False), is_open),
    Action("&View", "Whole &texture", "0", lambda w: w.atlas.fit(), is_open),
    Action(
        *("&View", "&Head light", "J", lambda w: _light(w.session), is_open),
        checked=lambda s: s.tools.looks.light is Light.HEAD,
        icon="light",
        tip="Light from the eye, without shading, in place of the studio's three lamps.",
    ),
    Action(
        *("&View", "&Wires", "W", lambda w: w.session.tools.show(wires=not w.session.tools.looks.wires), is_open),
        checked=lambda s: s.tools.looks.wires,
        icon="wires",
        tip="The triangles that the body is made of; in the texture, too, where it is enlarged.",
    ),
    Action(
        *("&View", "Texture &islands", "I", lambda w: _tint(w.session, Tint.ISLANDS), is_open),
        checked=lambda s: s.tools.looks.tint is Tint.ISLANDS,
        icon="islands",
        tip="Which pieces of the texture cover which skin, and where their borders are.",
    ),
    Action(
        *("&View", "Texel &density", "D", lambda w: _tint(w.session, Tint.DENSITY), is_open),
        checked=lambda s: s.tools.looks.tint is Tint.DENSITY,
        icon="density",
        tip="How many millimetres of skin one texel covers: small lesions need a fine texture.",
    ),
    Action(
        *("&View", "&Outlines of lesions", "O"),
        lambda w: w.session.tools.show(outlines=not w.session.tools.looks.outlines),
        is_open,
        checked=lambda s: s.tools.looks.outlines,
        tip="A dotted line around each lesion in the texture.",
    ),
)

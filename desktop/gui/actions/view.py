"""What is looked at, and how."""

from desktop.gui.actions.entry import Action, is_open

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
)

"""Lesions as objects: every verb is one named step that undo takes back; locked ones stay as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sessions import Listener
from shell_samples import disc, write_egg

from desktop.gui.model import lesions, shell, stepping, verbs
from desktop.gui.model.dragging import Drag
from engine.errors import SceneError
from engine.retouch import ColourShift, colour_shift_of
from engine.scene import Scene


@pytest.fixture(scope="module")
def listener(listen: Callable[[], Listener]) -> Listener:
    """One session for all tests of this file; no engine."""
    return listen()


@pytest.fixture
def egg(listener: Listener, tmp_path: Path) -> Listener:
    """An egg with two lesions, the lower one selected; nothing told yet."""
    listener.open(write_egg(tmp_path / "egg.moulage"))
    document = listener.session.document
    assert document is not None
    layers = [disc(document.patient, "low", 0.3, 0.5), disc(document.patient, "high", 0.6, 0.5, "melanoma")]
    verbs.edit(listener.session, "Add", lambda step: [step.add(layer) for layer in layers])
    listener.settle()
    listener.session.set_selection("low")
    listener.lines.clear()
    listener.faults.clear()
    return listener


def shown(heard: Listener) -> NDArray[np.uint8]:
    """The texture as the views show it."""
    assert heard.session.document is not None
    return heard.session.document.patient.canvas.pixels[0].copy()


def site_at(heard: Listener, u: float, v: float) -> Any:
    assert heard.session.document is not None
    return heard.session.document.patient.surface.site_at_uv(0, u, v)


VERBS: dict[str, Callable[[Listener], Any]] = {
    "Move nevus": lambda h: lesions.move(h.session, "low", site_at(h, 0.4, 0.6)),
    "Turn nevus": lambda h: lesions.turn(h.session, 40.0),
    "Resize nevus": lambda h: lesions.resize(h.session, 30.0),
    "Recolour nevus": lambda h: lesions.recolour(h.session, ColourShift(10, 5, -5)),
    "Duplicate nevus": lambda h: lesions.duplicate(h.session),
    "Delete nevus": lambda h: lesions.delete(h.session),
    "Hide nevus": lambda h: lesions.toggle_visible(h.session),
    "Lock nevus": lambda h: lesions.toggle_locked(h.session),
    "Raise nevus": lambda h: lesions.shift_order(h.session, up=True),
    "Revert": lambda h: verbs.revert(h.session),
}


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_is_one_named_step_and_undo_is_exact(egg: Listener, name: str) -> None:
    document = egg.session.document
    assert document is not None
    before, layers = shown(egg), [(layer.spec, layer.locked) for layer in document.layers]
    VERBS[name](egg)
    egg.settle()
    assert verbs.step_names(egg.session) == (name, "")
    changed = [(layer.spec, layer.locked) for layer in document.layers] != layers or not np.array_equal(
        shown(egg), before
    )
    after, stack = shown(egg), egg.ids
    assert changed or stack != ["low", "high"]
    verbs.undo(egg.session)
    egg.settle()
    assert verbs.step_names(egg.session) == ("Add", name)
    assert np.array_equal(shown(egg), before)
    assert [(layer.spec, layer.locked) for layer in document.layers] == layers
    verbs.redo(egg.session)
    egg.settle()
    assert np.array_equal(shown(egg), after)
    assert egg.ids == stack
    assert egg.faults == []


@pytest.mark.parametrize("name", ["Move nevus", "Turn nevus", "Resize nevus", "Recolour nevus", "Delete nevus"])
def test_a_locked_lesion_refuses_in_plain_words(egg: Listener, name: str) -> None:
    lesions.toggle_locked(egg.session)
    egg.settle()
    before, steps = shown(egg), verbs.step_names(egg.session)
    VERBS[name](egg)
    egg.settle()
    assert np.array_equal(shown(egg), before)
    assert verbs.step_names(egg.session) == steps
    assert egg.lines[-1] == "Locked and left as it is: 1 nevus. Unlock it to change it."


def test_a_drag_shows_at_once_and_is_one_step(egg: Listener) -> None:
    before = shown(egg)
    drag = Drag.begin(egg.session, "low")
    assert drag is not None
    for u in np.linspace(0.3, 0.45, 12):
        drag.to(site_at(egg, float(u), 0.5))
    egg.until(lambda: not np.array_equal(shown(egg), before))
    assert verbs.step_names(egg.session)[0] == "Add"
    drag.drop()
    egg.settle()
    assert verbs.step_names(egg.session) == ("Move nevus", "")
    dropped = shown(egg)
    document = egg.session.document
    assert document is not None
    assert document.lesion_at(site_at(egg, 0.45, 0.5)) == "low"
    assert document.lesion_at(site_at(egg, 0.3, 0.5)) is None
    other = Drag.begin(egg.session, "high")
    assert other is not None
    other.to(site_at(egg, 0.7, 0.6))
    egg.until(lambda: not np.array_equal(shown(egg), dropped))
    other.give_up()
    egg.until(lambda: np.array_equal(shown(egg), dropped))


def test_size_and_colour_are_what_was_asked(egg: Listener) -> None:
    assert egg.session.document is not None
    lesions.resize(egg.session, 20.0)
    egg.settle()
    measured = egg.session.document.layers[0].diameter_mm
    lesions.resize(egg.session, 35.0)
    lesions.recolour(egg.session, ColourShift(8, 0, 0))
    lesions.recolour(egg.session, ColourShift(-4, 2, 0))
    egg.settle()
    layer = egg.session.document.layer("low")
    assert layer is not None
    assert layer.spec.diameter_mm == 35.0
    assert layer.diameter_mm == pytest.approx(measured * 35 / 20, rel=0.02)
    assert layer.width_mm == pytest.approx(44.0 * 35 / 20)
    assert colour_shift_of(layer) == ColourShift(-4, 2, 0)
    lesions.recolour(egg.session, ColourShift())
    egg.settle()
    back = egg.session.document.layer("low")
    assert back is not None
    assert np.abs(back.rgb.astype(int) - (90, 60, 40)).max() <= 2  # three roundings to bytes
    assert back.spec.attributes == ()


def test_several_lesions_are_changed_as_one(egg: Listener) -> None:
    verbs.select_all(egg.session)
    lesions.turn(egg.session, 90.0)
    egg.settle()
    assert egg.session.document is not None
    assert [layer.spec.turn_deg for layer in egg.session.document.layers] == [90.0, 90.0]
    assert verbs.step_names(egg.session)[0] == "Turn 1 nevus, 1 melanoma"
    verbs.undo(egg.session)
    egg.settle()
    assert [layer.spec.turn_deg for layer in egg.session.document.layers] == [0.0, 0.0]


def test_what_is_pressed_while_a_step_is_written_follows_it_in_order(egg: Listener) -> None:
    session, document = egg.session, egg.session.document
    assert document is not None
    surface, before = document.patient.surface, shown(egg)
    start = surface.point(document.layers[0].spec.site)
    for press in (
        *3 * (lambda: stepping.nudge(session, 2.0, 0.0),),
        *3 * (lambda: stepping.turn_by(session, 1),),
        *2 * (lambda: lesions.toggle_visible(session),),
        *2 * (lambda: lesions.toggle_locked(session),),
        lambda: lesions.shift_order(session, up=True),
        lambda: shell.set_exam(session),
    ):
        press()
    egg.settle()
    changed, layer = shown(egg), document.layer("low")
    assert layer is not None
    assert 1000 * np.linalg.norm(surface.point(layer.spec.site) - start) == pytest.approx(6, abs=0.5)
    assert layer.spec.turn_deg == 15.0
    assert (layer.visible, layer.locked, document.state.exam) == (True, False, True)
    names = document.state.undo[1:]
    assert [name.split()[0] for name in names] == [
        *(*3 * ("Move",), *3 * ("Turn",), "Hide", "Show", "Lock", "Unlock", "Raise", "Mark")
    ]
    for _ in names:
        verbs.undo(session)
    egg.settle()
    assert document.state.redo == names
    assert np.array_equal(shown(egg), before)
    verbs.redo(session)
    verbs.undo(session)
    for _ in range(len(names) + 3):  # more than there are
        verbs.redo(session)
    egg.settle()
    assert np.array_equal(shown(egg), changed)
    lesions.duplicate(session)
    lesions.delete(session)  # the copy, which is selected by then
    lesions.delete(session)
    egg.settle()
    assert egg.ids == ["high", "low"]
    assert egg.faults == []


def test_what_builds_on_a_step_that_fails_is_not_done(egg: Listener) -> None:
    def refuse(step: object) -> None:
        raise SceneError("no")

    verbs.edit(egg.session, "Nothing", refuse)
    verbs.undo(egg.session)
    egg.settle()
    assert egg.ids == ["low", "high"]
    assert verbs.step_names(egg.session) == ("Add", "")
    assert egg.faults == ["no"]


def test_a_click_is_not_for_verbs_that_were_asked_before_it(egg: Listener) -> None:
    session = egg.session
    session.set_selection("low")
    lesions.duplicate(session)
    lesions.delete(session)  # for the copy, which is selected when it is there
    verbs.select(session, "high")
    assert session.selected != ("high",)
    egg.settle()
    assert egg.ids == ["low", "high"] and tuple(session.selected) == ("high",)
    verbs.select(session, "low")
    assert tuple(session.selected) == ("low",)


def test_what_waits_its_turn_is_done_before_the_scene_is_closed(listen: Callable[[], Listener], tmp_path: Path) -> None:
    heard = listen()
    heard.open(write_egg(tmp_path / "egg.moulage"))
    session, document = heard.session, heard.session.document
    assert document is not None
    verbs.edit(session, "Add", lambda step: [step.add(disc(document.patient, n, 0.3, 0.5)) for n in ("one", "two")])
    session.in_turn(lambda: session.set_selection("one"))
    for verb in (lesions.duplicate, lesions.delete, verbs.undo, verbs.undo, lesions.delete):
        verb(session)
    session.in_turn(lambda: session.set_selection("two"))
    lesions.delete(session)
    session.close()
    with Scene.open(tmp_path / "egg.moulage") as scene:
        assert [entry.id for entry in scene.entries()] == ["one"]


def test_another_patient_is_opened_after_what_was_pressed_before(egg: Listener, tmp_path: Path) -> None:
    path = write_egg(tmp_path / "other.moulage")
    lesions.duplicate(egg.session)
    lesions.delete(egg.session)  # the copy, which is selected by then
    verbs.undo(egg.session)
    verbs.open_path(egg.session, path)
    egg.until(lambda: egg.session.document is not None and egg.session.document.path == path)
    assert egg.faults == []
    with Scene.open(tmp_path / "egg.moulage") as scene:
        assert [step.name for step in scene.history()[1]] == ["Delete nevus"]


def test_a_copy_lies_beside_its_original_and_is_selected(egg: Listener) -> None:
    lesions.duplicate(egg.session)
    egg.settle()
    document = egg.session.document
    assert document is not None
    assert egg.ids[:2] == ["low", "high"]
    copy, original = document.layers[-1], document.layers[0]
    assert egg.session.selected == (copy.id,)
    surface = document.patient.surface
    apart = 1000 * np.linalg.norm(surface.point(copy.spec.site) - surface.point(original.spec.site))
    assert 20 < apart < 32
    assert np.array_equal(copy.rgb, original.rgb)

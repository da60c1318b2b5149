"""Wishes on their way through the real engine process: queue, variants, regions, painting anew, cancel, crash."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sessions import GapWatcher, Listener
from shell_samples import disc, write_egg

from desktop.gui.model import choosing, growing, lesions, scattering, verbs
from engine.retouch import ColourShift, colour_shift_of
from engine.scatter import SkinRegion

QUICK = {"detail": 64, "steps": 2, "diameter_mm": 30.0}
LONG = {**QUICK, "steps": 900}
CANCEL_MS = 300


@pytest.fixture(scope="module")
def listener(listen: Callable[[], Listener]) -> Listener:
    """One session with one engine for all tests of this file."""
    heard = listen()
    heard.session.engine.start()
    return heard


@pytest.fixture
def egg(listener: Listener, tmp_path: Path) -> Listener:
    """An egg without lesions, the engine ready, quick lesions asked for, nothing told yet."""
    listener.open(write_egg(tmp_path / "egg.moulage"))
    listener.until(lambda: listener.session.engine.is_ready)
    listener.session.set_live_preview(True)
    ask_for(listener, QUICK)
    listener.lines.clear()
    listener.faults.clear()
    return listener


def ask_for(heard: Listener, wish: dict[str, Any]) -> None:
    heard.session.set_request(replace(heard.session.request, **wish))


def mark(heard: Listener, u: float, v: float = 0.5) -> None:
    """Click on the skin."""
    assert heard.session.document is not None
    verbs.point_at(heard.session, heard.session.document.patient.surface.site_at_uv(0, u, v))


def test_places_clicked_one_after_the_other_wait_in_a_queue(egg: Listener) -> None:
    session = egg.session
    for u in (0.2, 0.4, 0.6):
        mark(egg, u)
        growing.grow(session)
        assert session.site is None  # free for the next click
    assert session.job is not None
    assert len(session.queue) == 2
    egg.settle()
    assert session.document is not None
    assert len(session.document.layers) == 3
    assert session.document.state.undo == ("Add nevus",) * 3
    seeds = [layer.spec.seed for layer in session.document.layers]
    assert len(set(seeds)) == 3


def test_lesions_scattered_in_a_region_are_one_step_and_keep_apart(egg: Listener) -> None:
    session, document = egg.session, egg.session.document
    assert document is not None
    surface = document.patient.surface
    size = document.patient.canvas.base[0].shape[:2]
    mask, protected = np.zeros(size, bool), np.zeros(size, bool)
    mask[size[0] // 4 : -size[0] // 4] = True
    protected[:, size[1] // 2 :] = True
    session.set_region(SkinRegion(np.ones(len(surface.faces), bool), {0: mask}), "the painted region")
    session.set_protected({0: protected})
    assert scattering.can_scatter(session)
    scattering.scatter(session, 6, gap_mm=25.0, as_they_occur=False)
    egg.settle()
    assert document.state.undo == ("Add 6 nevus",)
    points = [1000 * surface.point(layer.spec.site) for layer in document.layers]
    assert len(points) == 6
    apart = [np.linalg.norm(a - b) for i, a in enumerate(points) for b in points[:i]]
    assert min(apart) >= 30.0 + 25.0
    for layer in document.layers:
        _, u, v = surface.uv(layer.spec.site)
        assert u < 0.5
        assert 0.25 <= v <= 0.75
    assert session.selected == tuple(egg.ids)
    verbs.undo(session)
    egg.settle()
    assert egg.ids == []


def test_variants_wait_survive_a_reload_and_only_the_kept_one_is_committed(egg: Listener, tmp_path: Path) -> None:
    session = egg.session
    ask_for(egg, {"seed": 50})
    mark(egg, 0.3)
    growing.variants(session, 3)
    egg.settle()
    document = session.document
    assert document is not None
    waiting = choosing.waiting(session)
    assert [layer.spec.seed for layer in waiting] == [50, 51, 52]
    assert len({layer.rgb.tobytes() for layer in waiting}) == 3
    assert document.layers == ()
    assert document.state.undo == ()
    base = document.patient.canvas.pixels[0].copy()
    choosing.show(session, waiting[1].id)
    egg.until(lambda: not np.array_equal(document.patient.canvas.pixels[0], base))
    assert document.layers == ()

    session.set_document(None)
    egg.open(tmp_path / "egg.moulage")
    again = choosing.waiting(session)
    assert [layer.rgb.tobytes() for layer in again] == [layer.rgb.tobytes() for layer in waiting]
    assert session.document is not None
    assert session.document.thumbnail(again[0]) is not None
    choosing.keep(session, again[1].id)
    egg.until(lambda: not choosing.waiting(session))
    egg.settle()
    assert [layer.spec.seed for layer in session.document.layers] == [51]
    assert session.document.state.undo == ("Add nevus",)


def test_cancel_takes_effect_between_two_evaluations(egg: Listener) -> None:
    session = egg.session
    ask_for(egg, LONG)
    mark(egg, 0.4)
    growing.grow(session)
    mark(egg, 0.7)
    ask_for(egg, QUICK)
    growing.grow(session)
    egg.until(lambda: session.job is not None and session.job.done >= 3)
    first = session.job
    started = time.perf_counter()
    growing.cancel(session)
    egg.until(lambda: session.job is not first)
    taken = 1000 * (time.perf_counter() - started)
    assert taken < CANCEL_MS * slack()
    egg.settle()
    assert session.document is not None
    assert len(session.document.layers) == 1  # the next in the queue went its way
    assert egg.lines[0] == "Cancelled; nothing was changed."


def slack() -> float:
    """How much longer than on a quiet machine something may take here and now: by the processes that want a core."""
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 1.0
    return max(1.0, waiting)


def test_an_engine_that_is_killed_starts_again_and_the_queue_goes_on(egg: Listener) -> None:
    session = egg.session
    ask_for(egg, LONG)
    mark(egg, 0.4)
    growing.grow(session)
    ask_for(egg, QUICK)
    mark(egg, 0.7)
    growing.grow(session)
    egg.until(lambda: session.job is not None and session.job.done >= 2)
    killed = session.engine.pid
    os.kill(killed, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    egg.until(lambda: bool(egg.faults))
    assert "is being started again" in egg.faults[0]
    assert "in the queue wait for it: 1" in egg.faults[0]
    assert session.site is not None  # where the lost one was to grow
    egg.until(lambda: session.document is not None and len(session.document.layers) == 1)
    assert session.engine.pid != killed


def test_painting_anew_keeps_size_place_and_colour(egg: Listener) -> None:
    session, document = egg.session, egg.session.document
    assert document is not None
    layer = disc(document.patient, "one", 0.3, 0.5)
    verbs.edit(session, "Add", lambda step: step.add(replace(layer, spec=layer.spec.with_(detail=64, steps=2))))
    egg.settle()
    session.set_selection("one")
    lesions.resize(session, 33.0)
    lesions.recolour(session, ColourShift(6, 0, 0))
    egg.settle()
    growing.regenerate(session)
    egg.settle()
    anew = document.layer("one")
    assert anew is not None
    assert anew.rgb.shape == (64, 64, 3)
    assert anew.spec.diameter_mm == 33.0
    assert anew.diameter_mm == pytest.approx(33.0, rel=0.03)
    assert anew.spec.site == layer.spec.site
    assert colour_shift_of(anew) == ColourShift(6, 0, 0)
    assert document.state.undo[-1] == "Paint anew nevus"
    lesions.recolour(session, ColourShift())
    egg.settle()
    plain = document.layer("one")
    assert plain is not None
    assert plain.rgb.astype(int).mean() < anew.rgb.astype(int).mean() - 3  # it had been lightened


def test_the_picture_is_shown_while_it_comes_into_being_unless_switched_off(egg: Listener) -> None:
    session, document = egg.session, egg.session.document
    assert document is not None
    base = document.patient.canvas.pixels[0].copy()
    ask_for(egg, LONG)
    mark(egg, 0.4)
    growing.grow(session)
    egg.until(lambda: bool(session.live))
    egg.until(lambda: not np.array_equal(document.patient.canvas.pixels[0], base))
    assert document.layers == ()
    session.set_live_preview(False)
    growing.cancel(session)
    egg.settle()
    assert session.live == ()
    egg.until(lambda: np.array_equal(document.patient.canvas.pixels[0], base))
    seen = []
    session.engine.preview.connect(lambda *told: seen.append(told))
    ask_for(egg, {**QUICK, "steps": 40})
    growing.grow(session)
    egg.settle()
    assert seen == []
    assert len(document.layers) == 1


def test_a_model_that_is_missing_is_told_and_another_can_be_started(egg: Listener) -> None:
    session = egg.session
    options = session.engine.options
    growing.restart_engine(session, replace(options, model="no-such-model"))
    egg.until(lambda: bool(session.engine_fault))
    assert "'no-such-model' is neither a model folder nor one of the shipped models: default" in egg.faults[-1]
    assert "Restart engine" in egg.faults[-1]
    mark(egg, 0.4)
    assert not growing.can_grow(session)
    growing.restart_engine(session, options)
    egg.until(lambda: session.engine.is_ready)
    growing.grow(session)
    egg.settle()
    assert len(egg.ids) == 1


def test_an_engine_without_memory_says_what_to_do(egg: Listener) -> None:
    resource = pytest.importorskip("resource")
    session = egg.session
    if not hasattr(resource, "prlimit"):
        pytest.skip("this system can't limit another process' memory")
    pid = session.engine.pid
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(pid, resource.RLIMIT_AS, (used + (24 << 20), used + (24 << 20)))
    ask_for(egg, {"detail": 512, "steps": 2, "diameter_mm": 30.0})
    mark(egg, 0.4)
    growing.grow(session)
    egg.until(lambda: bool(egg.faults))
    told = egg.faults[0]
    assert "not enough memory" in told or "ran out of memory" in told
    assert session.document is not None
    assert session.document.layers == ()
    growing.restart_engine(session)  # one without the limit
    egg.until(lambda: session.engine.is_ready)


def test_the_window_answers_while_lesions_are_painted_and_saved(egg: Listener) -> None:
    session = egg.session
    ask_for(egg, {"detail": 128, "steps": 6, "diameter_mm": 30.0})
    watcher = GapWatcher()
    with watcher.watching():
        for u in (0.2, 0.5):
            mark(egg, u)
            growing.grow(session)
        egg.settle()
        lesions.turn(session, 30.0)
        verbs.undo(session)
        egg.settle()
    assert len(egg.ids) == 2
    assert watcher.longest_ms < 250 * slack()

"""Any sequence of edits, undos, redos and reopenings behaves like a plain list with a stack of its former states."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scene_samples import content, layer, new_scene

from engine.lesion import LesionLayer
from engine.scene import Region, Scene

State = tuple[tuple[LesionLayer, ...], dict[str, np.ndarray], bool]


class Editing(RuleBasedStateMachine):
    """The model: present state, past and future, all plain values."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "a.moulage"
        self.scene = new_scene(self.path)
        self.state: State = ((), {}, False)
        self.past: list[tuple[str, State]] = []
        self.future: list[tuple[str, State]] = []
        self.revision = 1
        self.seen = (1, {})

    def did(self, name: str, state: State) -> None:
        self.past.append((name, self.state))
        self.state, self.future = state, []
        self.revision += 1

    @rule(numbers=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True))
    def add(self, numbers) -> None:
        layers = list(self.state[0])
        new = [layer(n, 8) for n in numbers if f"lesion-{n}" not in [one.id for one in layers]]
        with self.scene.edit("Add") as edit:
            for one in new:
                edit.add(one)
        if new:
            self.did("Add", ((*layers, *new), *self.state[1:]))
        else:
            assert edit.step is None

    @precondition(lambda self: self.state[0])
    @rule(data=st.data(), seed=st.integers(100, 105), pixels=st.booleans(), shown=st.booleans())
    def replace(self, data, seed, pixels, shown) -> None:
        place = data.draw(st.integers(0, len(self.state[0]) - 1))
        former = self.state[0][place]
        source = layer(seed, 8) if pixels else former
        changed = layer(
            seed, 8, id=former.id, rgb=source.rgb, mask=source.mask, alpha=source.alpha, visible=shown, locked=not shown
        )
        with self.scene.edit("Replace") as edit:
            edit.replace(changed)
        layers = list(self.state[0])
        layers[place] = changed
        if content(changed) != content(former):
            self.did("Replace", (tuple(layers), *self.state[1:]))

    @precondition(lambda self: self.state[0])
    @rule(data=st.data())
    def remove(self, data) -> None:
        gone = data.draw(st.sampled_from(self.state[0]))
        with self.scene.edit("Remove") as edit:
            edit.remove(gone.id)
        self.did("Remove", (tuple(one for one in self.state[0] if one.id != gone.id), *self.state[1:]))

    @precondition(lambda self: len(self.state[0]) > 1)
    @rule(data=st.data())
    def reorder(self, data) -> None:
        order = data.draw(st.permutations(self.state[0]))
        with self.scene.edit("Reorder") as edit:
            edit.reorder([one.id for one in order])
        if edit.step is not None:
            self.did("Reorder", (tuple(order), *self.state[1:]))
        else:
            assert [one.id for one in order] == [one.id for one in self.state[0]]

    @rule(name=st.sampled_from("ab"), seed=st.integers(0, 2), keep=st.booleans())
    def region(self, name, seed, keep) -> None:
        mask = np.random.default_rng(seed).random((5, 11)) < 0.5
        regions = dict(self.state[1])
        if not keep and name in regions:
            del regions[name]
            with self.scene.edit("Region") as edit:
                edit.remove_region(name)
        else:
            regions[name] = mask
            with self.scene.edit("Region") as edit:
                edit.set_region(Region(name, {1: mask}))
        same = set(regions) == set(self.state[1]) and all(
            np.array_equal(m, self.state[1][n]) for n, m in regions.items()
        )
        if not same:
            self.did("Region", (self.state[0], regions, self.state[2]))

    @rule(exam=st.booleans())
    def exam(self, exam) -> None:
        with self.scene.edit("Exam") as edit:
            edit.set_exam(exam)
        if exam != self.state[2]:
            self.did("Exam", (*self.state[:2], exam))

    @rule()
    def undo(self) -> None:
        step = self.scene.undo()
        assert (step is None) == (not self.past)
        if step is not None:
            name, state = self.past.pop()
            assert step.name == name
            self.future.append((name, self.state))
            self.state = state
            self.revision += 1

    @rule()
    def redo(self) -> None:
        step = self.scene.redo()
        assert (step is None) == (not self.future)
        if step is not None:
            name, state = self.future.pop()
            assert step.name == name
            self.past.append((name, self.state))
            self.state = state
            self.revision += 1

    @rule(anew=st.booleans())
    def reopen(self, anew) -> None:
        if anew:
            other = self.path.with_name(f"{self.path.stem}a.moulage")
            self.scene.save_as(other)
            self.path = other
        self.scene.close()
        self.scene = Scene.open(self.path, write=True)

    @rule()
    def forget(self) -> None:
        self.scene.forget_history()
        self.past, self.future = [], []

    @rule()
    def follow(self) -> None:
        """Every layer that differs from what was seen before is named by `changes_since`."""
        revision, before = self.seen
        now = {one.id: (place, content(one)) for place, one in enumerate(self.state[0])}
        changed = self.scene.changes_since(revision)
        differ = {key for key in now.keys() | before.keys() if now.get(key, (0, 0))[1] != before.get(key, (0, 0))[1]}
        assert changed.everything or differ <= changed.layers
        assert changed.revision == self.revision
        self.seen = (self.revision, now)

    @invariant()
    def agrees(self) -> None:
        layers, regions, exam = self.state
        assert [content(one) for one in self.scene.layers()] == [content(one) for one in layers]
        assert [entry.id for entry in self.scene.entries()] == [one.id for one in layers]
        assert self.scene.region_names() == tuple(sorted(regions))
        assert all(np.array_equal(self.scene.region(name).masks[1], mask) for name, mask in regions.items())
        assert self.scene.exam == exam and self.scene.revision == self.revision
        undoable, redoable = self.scene.history()
        assert [step.name for step in undoable] == [name for name, _ in self.past]
        assert [step.name for step in redoable] == [name for name, _ in reversed(self.future)]

    def teardown(self) -> None:
        if hasattr(self, "scene"):
            assert self.scene.problems() == []
            self.scene.close()
            self.folder.cleanup()


TestEditing = Editing.TestCase
TestEditing.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)

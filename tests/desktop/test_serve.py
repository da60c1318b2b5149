"""A scene on the live link: what mirrors show is what the canvas holds, through every edit of the scene file."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from egg import egg_surface

from bridge.client import AtlasMirror, Patience
from bridge.server import AtlasServer
from bridge.tiles import State
from desktop.mirror import MirrorFolder, file_names
from desktop.proof import Proof, lines, prove
from desktop.serve import LivePatient, SceneFollower, is_scene
from desktop.unity import build_scene_host
from engine import png
from engine.avatar.load import load
from engine.avatar.model import Avatar
from engine.errors import BadInput, SceneError
from engine.lesion import LesionLayer, LesionSpec
from engine.patient import Patient
from engine.scene import Scene

QUICK = Patience(first=0.02, longest=0.2)


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    """The egg, from an OBJ file."""
    egg = egg_surface(24, 32)
    corners = egg.corner_uvs.reshape(-1, 2)
    lines = [f"v {x} {y} {z}" for x, y, z in egg.vertices]
    lines += [f"vt {u} {1 - v}" for u, v in corners]
    for index, (a, b, c) in enumerate(egg.faces + 1):
        t = 3 * index + 1
        lines.append(f"f {a}/{t} {b}/{t + 1} {c}/{t + 2}")
    path = tmp_path_factory.mktemp("egg") / "egg.obj"
    path.write_text("\n".join(lines) + "\n")
    return load(path, unit="m")


def lesion(patient: Patient, name: str, u: float, v: float, side: int = 48, colour: int = 90) -> LesionLayer:
    """A dark disc."""
    y, x = np.mgrid[0:side, 0:side]
    distance = np.hypot(x - side / 2, y - side / 2) / side
    alpha = (np.clip((0.42 - distance) * 20, 0, 1) * 255).astype(np.uint8)
    return LesionLayer(
        id=name,
        spec=LesionSpec("nevus", patient.surface.site_at_uv(0, u, v), 20.0, 1),
        rgb=np.full((side, side, 3), (colour, 60, 40), np.uint8),
        mask=alpha,
        alpha=alpha,
        width_mm=44.0,
        diameter_mm=20.1,
        model="0f" * 32,
        precision="float32",
        threads=1,
        batch_size=1,
        body_part="chest",
    )


@pytest.fixture(scope="module")
def fresh(avatar: Avatar) -> Patient:
    """A patient apart from the one that is served, to compare with."""
    return Patient(avatar)


def assert_shows(state: State, fresh: Patient, layers: Sequence[LesionLayer]) -> None:
    """The state is what another canvas makes of these layers: albedo, close-ups, data, owners of texels."""
    fresh.canvas.show(())
    fresh.canvas.show(layers)
    visible = [layer for layer in layers if layer.visible]
    document = json.loads(state.document)
    maps = {key[2]: one for key, one in state.by_key.items()}
    assert set(maps) == {"albedo", "instance", *(f"close-up/{layer.id}" for layer in visible)}
    assert np.array_equal(maps["albedo"].pixels(), fresh.canvas.pixels[0])
    assert [one["id"] for one in document["lesions"]] == [layer.id for layer in visible]
    owner = np.zeros_like(fresh.canvas.index[0])
    for one in document["lesions"]:
        layer = next(layer for layer in layers if layer.id == one["id"])
        owner[maps["instance"].pixels() == one["index"]] = fresh.canvas.number_of[layer.id]
        close_up = maps[one["close_up"]].pixels()
        assert np.array_equal(close_up[..., :3], fresh.canvas.close_up(layer)) and (close_up[..., 3] == 255).all()
        assert one["close_up_mm"] == layer.width_mm and one["diameter_mm"] == 20.1
        material, u, v = fresh.surface.uv(layer.spec.site)
        assert (one["u"], one["v"]) == (pytest.approx(u, abs=1e-5), pytest.approx(v, abs=1e-5)) and material == 0
    assert np.array_equal(owner, fresh.canvas.index[0])


def shows(mirror: AtlasMirror, revision: int) -> State:
    assert mirror.wait_revision(revision, 20)
    return mirror.shown


def test_edits_of_a_patient_reach_the_mirror(avatar: Avatar, fresh: Patient) -> None:
    patient = Patient(avatar)
    one, two = lesion(patient, "one", 0.3, 0.5), lesion(patient, "two", 0.31, 0.505, 64)
    moved = lesion(patient, "one", 0.6, 0.4, 32, colour=120)
    with AtlasServer("tcp://127.0.0.1:*") as server, AtlasMirror(server.endpoint, patience=QUICK) as mirror:
        live = LivePatient(server, patient)
        for layers in ([], [one], [one, two], [two, one], [two, moved], [moved], []):
            assert_shows(shows(mirror, live.show(layers)), fresh, layers)
        state = shows(mirror, live.show([one], exam=True))
        (told,) = json.loads(state.document)["lesions"]
        assert "class" not in told and json.loads(state.document)["exam"] is True
        state = shows(mirror, live.show([one]))
        assert json.loads(state.document)["lesions"][0]["class"] == "nevus"


def test_only_what_changed_is_sent(avatar: Avatar) -> None:
    patient = Patient(avatar)
    one, two = lesion(patient, "one", 0.3, 0.5), lesion(patient, "two", 0.7, 0.5)
    with AtlasServer("tcp://127.0.0.1:*") as server, AtlasMirror(server.endpoint, patience=QUICK) as mirror:
        live = LivePatient(server, patient)
        shows(mirror, live.show([one]))
        before = mirror.status().tiles
        shows(mirror, live.show([one, two]))
        assert mirror.status().tiles - before <= 2 * 4 + 1, (
            "a lesion touches at most 4 tiles of each map, and its close-up"
        )


def test_a_follower_reads_only_what_changed(avatar: Avatar, tmp_path: Path) -> None:
    patient, path = Patient(avatar), tmp_path / "a.moulage"
    one, two = lesion(patient, "one", 0.3, 0.5), lesion(patient, "two", 0.7, 0.5)
    with Scene.create(path, avatar) as scene:
        follower = SceneFollower(path)
        assert follower.changed() == ((), False)
        assert follower.changed() is None
        with scene.edit("Add") as edit:
            edit.add(one)
        first = follower.changed()
        assert first is not None and [layer.id for layer in first[0]] == ["one"]
        with scene.edit("Add") as edit:
            edit.add(two)
        second = follower.changed()
        assert second is not None and [layer.id for layer in second[0]] == ["one", "two"]
        assert second[0][0] is first[0][0], "an unchanged layer is not read again"
        with scene.edit("Hide") as edit:
            edit.set_visible("one", False)
            edit.set_exam(True)
        third = follower.changed()
        assert third is not None and third[1] is True
        assert [layer.visible for layer in third[0]] == [False, True]
        scene.undo()
        fourth = follower.changed()
        assert fourth is not None and fourth[1] is False and fourth[0][0].visible
        follower.close()


def test_scenes_are_told_from_avatars_by_their_content(avatar: Avatar, tmp_path: Path) -> None:
    Scene.create(tmp_path / "odd name.glb", avatar).close()
    (tmp_path / "avatar.moulage").write_bytes(avatar.glb)
    assert is_scene(tmp_path / "odd name.glb")
    assert not is_scene(tmp_path / "avatar.moulage")
    with pytest.raises(SceneError, match="nowhere"):
        is_scene(tmp_path / "nowhere")


class Command:
    """`moulage …` as a process; its lines as they come."""

    def __init__(self, *arguments: str) -> None:
        program = "import sys; from desktop.cli import main; sys.argv[0] = 'moulage'; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def line(self, text: str) -> str:
        """The next line that holds `text`."""
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if text in line:
                return line
        raise AssertionError(f"ended without a line with {text!r}: {seen}")

    def end(self) -> tuple[int, str]:
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        return self.process.wait(30), rest

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def commands() -> Iterator[list[Command]]:
    started: list[Command] = []
    yield started
    for command in started:
        command.close()


def test_serve_follows_a_scene_that_another_process_edits(
    avatar: Avatar, fresh: Patient, tmp_path: Path, commands: list[Command]
) -> None:
    patient, path = Patient(avatar), tmp_path / "a.moulage"
    with Scene.create(path, avatar) as scene:
        serve = Command("serve", str(path), "--bind", "tcp://127.0.0.1:*")
        commands.append(serve)
        endpoint = serve.line("; Ctrl+C ends").split(" at ")[1].split(";")[0]
        with AtlasMirror(endpoint, patience=QUICK, name="ward") as mirror:
            assert_shows(shows(mirror, 1), fresh, [])
            layers = [lesion(patient, "one", 0.3, 0.5), lesion(patient, "two", 0.31, 0.505)]
            for number, layer in enumerate(layers):
                with scene.edit("Add") as edit:
                    edit.add(layer)
                assert_shows(shows(mirror, 2 + number), fresh, layers[: number + 1])
            serve.line("revision 3: 2 lesions")
            scene.undo()
            assert_shows(shows(mirror, 4), fresh, layers[:1])
            out = tmp_path / "mirrored"
            copy = Command("mirror", endpoint, "-o", str(out), "--once")
            commands.append(copy)
            code, said = copy.end()
            assert (code, "revision 4: 3 maps" in said) == (0, True), said
            index = json.loads((out / "mirror.json").read_text("utf-8"))
            assert index["revision"] == 4 and index["data"]["lesions"][0]["id"] == "one"
            for entry in index["maps"]:
                pixels = png.decode((out / entry["file"]).read_bytes())
                key = (entry["avatar"], entry["material"], entry["map"])
                assert np.array_equal(pixels, mirror.shown.by_key[key].pixels())
            if os.name == "posix":
                serve.process.send_signal(signal.SIGINT)
                assert serve.end()[0] == 0
                deadline = time.monotonic() + 10
                while "shutdown" not in mirror.status().detail:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("serve", "nowhere.glb"), "nowhere.glb: can't be read"),
        (("serve", "x", "--bind", "tcp://0.0.0.0:5581"), "moulage keys create DIR"),
        (("serve", "x", "--bind", "nonsense"), "write for example tcp://127.0.0.1:5581"),
        (("serve", "x", "--keys", "nowhere"), "keys are made with `moulage keys create DIR`"),
        (("mirror", "nonsense", "-o", "x"), "write for example tcp://127.0.0.1:5581"),
        (("mirror", "tcp://127.0.0.1:1", "-o", "x", "--keys", "nowhere"), "has no client.secret"),
        (("keys", "create", "x", "--client", "a/b"), "can't name a client"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from desktop.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["moulage", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2 and says in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_keys_made_on_the_command_line_open_the_link(
    avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bridge.security import load_server_keys
    from desktop.cli import main

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["moulage", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    keys = tmp_path / "keys"
    assert run("keys", "create", str(keys), "--client", "ward") == 0
    with AtlasServer("tcp://127.0.0.1:*", keys=load_server_keys(keys)) as server:
        LivePatient(server, Patient(avatar)).show(())
        where = str(keys / "clients" / "ward")
        assert run("mirror", server.endpoint, "-o", str(tmp_path / "out"), "--once", "--keys", where) == 0
        assert (tmp_path / "out" / "mirror.json").is_file()
        code = run("mirror", server.endpoint, "-o", str(tmp_path / "no"), "--once", "--seconds", "1")
        assert code == 1 and not (tmp_path / "no").exists()
    assert "nothing came from" in capsys.readouterr().err


@pytest.mark.parametrize("with_host", [False, True])
def test_the_proof_compares_both_ends(avatar: Avatar, tmp_path: Path, with_host: bool) -> None:
    host = None
    if with_host:
        host = build_scene_host(tmp_path)
        if host is None:
            pytest.skip("Mono (mcs and mono) is not installed")
    patient = Patient(avatar)
    layers = [lesion(patient, "one", 0.3, 0.5), lesion(patient, "two", 0.7, 0.5)]
    proof = prove(patient, layers, host)
    assert proof.holds and len(proof.sha256) == 4
    assert [end.name for end in proof.ends] == ["Python mirror", *(["C# SceneHost"] if with_host else [])]
    said = lines(proof)
    assert said[0].startswith("Python mirror: 4 maps") and "every SHA-256 agrees" in said[0]
    assert proof.sha256["egg/egg/albedo"] in said[-1]
    wrong = Proof({**proof.sha256, "egg/egg/albedo": "0"}, proof.ends)
    assert not wrong.holds and "1 differ: egg/egg/albedo" in lines(wrong)[0]


def test_a_mirror_folder_follows_its_state(avatar: Avatar, tmp_path: Path) -> None:
    patient, folder = Patient(avatar), MirrorFolder(tmp_path / "out")
    with AtlasServer("tcp://127.0.0.1:*") as server, AtlasMirror(server.endpoint, patience=QUICK) as mirror:
        live = LivePatient(server, patient)
        folder.write(shows(mirror, live.show([lesion(patient, "one", 0.3, 0.5)])), 7)
        assert len(list((tmp_path / "out").glob("*.png"))) == 3
        folder = MirrorFolder(tmp_path / "out")
        folder.write(shows(mirror, live.show([])), 7)
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
            "egg__egg__albedo.png",
            "egg__egg__instance.png",
            "mirror.json",
        ]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.doc").write_text("years")
    with pytest.raises(BadInput, match="--force"):
        MirrorFolder(tmp_path / "other")
    (tmp_path / "other" / "mirror.json").write_text(
        json.dumps({"maps": [{"file": "../../thesis.png"}, {"file": 5}, 3]})
    )
    MirrorFolder(tmp_path / "other").write(State(1, {}), 7)
    assert (tmp_path / "other" / "thesis.doc").is_file()


def test_file_names_are_safe_and_different() -> None:
    keys = [
        ("con", "", "nul"),
        ("../..", "/etc", "passwd"),
        ("Anna", "skin", "albedo"),
        ("anna", "skin", "albedo"),
        ("Anna", "skin", "close-up/1"),
        ("Anna", "skin", "close-up-1"),
        ("a__b", "c", "d"),
        ("a", "b__c", "d"),
        ("ä" * 60, "x" * 128, "y" * 128),
        ("ä" * 60, "x" * 128, "y" * 127 + "z"),
    ]
    names = list(file_names(keys).values())
    assert len({name.lower() for name in names}) == len(keys)
    assert "Anna__skin__close-up-1.png" in names
    for name in names:
        assert Path(name).name == name and len(name) < 200
        assert not set(name) & set('<>:"/\\|?*') and not name.startswith(".")

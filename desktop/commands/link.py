"""`moulage serve`, `moulage mirror`, `moulage keys`: the live link from the command line."""

import operator
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bridge.publisher import ClientStatus

_LOOK_S = 0.1

keys_app = typer.Typer(
    name="keys",
    help="Keys for a link over the network.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("serve")(serve)
    app.command("mirror")(mirror)
    app.add_typer(keys_app)


@keys_app.callback()
def _keys() -> None:
    """Keep the command's name though it is the only one."""


@keys_app.command("create")
def create(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the keys go.", show_default=False)],
    client: Annotated[str, typer.Option(help="Name of the scene or person that gets these keys.")] = "scene",
) -> None:
    """Make the server's keys (once) and those of a client: DIR/server stays, DIR/clients/NAME goes to the client."""
    from bridge.security import create_keys

    for path in create_keys(folder, client):
        print(path)
    print(f"Serve with --keys {folder}; give {folder / 'clients' / client} to the client, by a way you trust.")


def serve(
    source: Annotated[
        Path, typer.Argument(metavar="SCENE_OR_AVATAR", help="A scene file, or a GLB, VRM or OBJ.", show_default=False)
    ],
    bind: Annotated[str, typer.Option(help="Address; port * takes a free one.")] = "tcp://127.0.0.1:5581",
    keys: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keys, for addresses beyond this machine.", show_default=False)
    ] = None,
) -> None:
    """Publish a scene, and every later change to its file, to Unity scenes and mirrors. Ctrl+C ends it."""
    from bridge.security import check_bind, load_server_keys
    from bridge.server import AtlasServer
    from desktop.serve import LivePatient, SceneFollower, is_scene
    from engine.avatar.load import load
    from engine.patient import Patient

    server_keys = load_server_keys(keys) if keys is not None else None
    check_bind(bind, server_keys)
    follower = SceneFollower(source) if is_scene(source) else None
    try:
        with AtlasServer(bind, keys=server_keys) as server, _until_stopped() as stopped:
            patient = Patient(follower.scene.avatar() if follower is not None else load(source))
            live = LivePatient(server, patient)
            if follower is None:
                live.show(())
            print(f"{patient.avatar.name} at {server.endpoint}; Ctrl+C ends", flush=True)
            known: dict[tuple[str, str], ClientStatus] = {}
            while not stopped.wait(_LOOK_S):
                changes = follower.changed() if follower is not None else None
                if changes is not None:
                    layers, exam = changes
                    revision = live.show(layers, exam)
                    shown = sum(layer.visible for layer in layers)
                    print(f"revision {revision}: {shown} lesion{'' if shown == 1 else 's'}", flush=True)
                known = _tell_clients(known, server.status().clients)
    finally:
        if follower is not None:
            follower.close()


def mirror(
    endpoint: Annotated[str, typer.Argument(help="For example tcp://127.0.0.1:5581.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the maps.", show_default=False)],
    once: Annotated[bool, typer.Option("--once", help="End after the first revision.")] = False,
    keys: Annotated[Path | None, typer.Option(metavar="DIR", help="This client's keys.", show_default=False)] = None,
    seconds: Annotated[float, typer.Option(help="With --once: how long to wait for the server.")] = 30.0,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that holds something else.")] = False,
) -> None:
    """Keep a folder of PNGs equal to what a server shows; mirror.json names the revision and the hashes."""
    from bridge.client import AtlasMirror
    from bridge.errors import Disconnected
    from bridge.security import load_client_keys
    from desktop.mirror import MirrorFolder

    folder = MirrorFolder(output, force)
    client_keys = load_client_keys(keys) if keys is not None else None
    with AtlasMirror(endpoint, name="moulage mirror", keys=client_keys) as link, _until_stopped() as stopped:
        if once:
            if not link.wait_for(lambda _: True, seconds):
                reason = link.status().detail or "no answer"
                raise Disconnected(f"nothing came from {endpoint} in {seconds:g} s ({reason}); does the server run?")
            entries = folder.write(link.shown, link.epoch)
            print(f"revision {link.shown.revision}: {len(entries)} maps in {output}")
            return
        written, told = link.shown, ""
        while not stopped.is_set():
            if link.wait_for(partial(operator.is_not, written), _LOOK_S):
                written = link.shown
                entries = folder.write(written, link.epoch)
                print(f"revision {written.revision}: {len(entries)} maps in {output}", flush=True)
            detail = link.status().detail
            if detail != told:
                told = detail
                print(f"not connected: {detail}", flush=True)


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """An event that Ctrl+C and a polite kill set, so that the link can say goodbye."""
    import signal

    stopped = threading.Event()
    former = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _tell_clients(
    known: "dict[tuple[str, str], ClientStatus]", clients: "tuple[ClientStatus, ...]"
) -> "dict[tuple[str, str], ClientStatus]":
    """Print who came, who left and who could not show a revision; the clients as they are now."""
    now = {(client.name, client.address): client for client in clients}
    for (name, address), client in now.items():
        former = known.get((name, address))
        if former is None:
            print(f"{name} ({address}) is here", flush=True)
        if client.error and (former is None or former.error != client.error):
            print(f"{name} ({address}) could not show a revision: {client.error}", flush=True)
    for name, address in known.keys() - now.keys():
        print(f"{name} ({address}) has left", flush=True)
    return now

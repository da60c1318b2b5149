"""The scene as the programs hold it: open, look, edit, undo, save elsewhere."""

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.avatar.model import Avatar
from engine.errors import SceneError
from engine.lesion import LesionLayer
from engine.lock import WriterLock
from engine.scene import file, history, migration, records, schema, variants
from engine.scene.history import Changed, Edit, Step
from engine.scene.records import LayerEntry, Record, Region

SUFFIX = ".moulage"


class Scene:
    """An open scene file. Several threads may use one; their calls wait for each other.

    One process writes a scene at a time; any number may read it meanwhile and follow it by `changed_since`. Every
    committed edit is on the disk when its `with` block ends: killing the process loses at most the gesture under way.
    Methods raise SceneError (the file or the request is at fault) or OutputError (the disk is), one line each.
    """

    def __init__(self, path: Path, lock: WriterLock | None) -> None:
        """Use `Scene.open` or `Scene.create`."""
        self.path = path
        self._lock = lock
        self._mutex = threading.RLock()
        self._closed = False
        self._file = file.connect(path, lock is not None)
        self._connection = self._file
        try:
            self._identity = _identity(path)
            self._load()
        except BaseException:
            self._file.close()
            raise

    @classmethod
    def create(cls, path: Path, avatar: Avatar, overwrite: bool = False) -> Self:
        """A new scene of one avatar, open for writing. SceneError where `path` exists already, unless `overwrite`."""
        return cls.create_of_glb(path, avatar.glb, avatar.name, avatar.scale, overwrite)

    @classmethod
    def create_of_glb(cls, path: Path, glb: bytes, name: str, scale: float, overwrite: bool = False) -> Self:
        """As `create`, of an avatar's file that is not loaded. scale: metres per unit of the file's positions."""
        path = path.resolve()
        lock = WriterLock(path)
        try:
            if path.exists() and not overwrite:
                raise SceneError(f"{path}: exists already; open it, or choose another name")
            with file.built(path) as connection:
                schema.create(connection)
                made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                connection.execute("INSERT INTO document VALUES (1, ?, 'moulage', 1, 0)", (made,))
                sha256 = hashlib.sha256(glb).digest()
                row = (name, float(scale), sha256, glb, records.avatar_seal(name, float(scale), sha256))
                connection.execute("INSERT INTO avatar VALUES (1, ?, ?, ?, ?, ?)", row)
            with file.translated(path):
                return cls(path, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path, write: bool = False) -> Self:
        """Open a scene. For writing, SceneError names the process that writes it already, where one does.

        An older file is brought up to date: on the disk when opened for writing, in memory when only read.
        """
        path = path.resolve()
        if not path.is_file():
            raise SceneError(f"{path}: there is no such scene file")
        lock = WriterLock(path) if write else None
        try:
            with file.translated(path):
                return cls(path, lock)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def close(self) -> None:
        """Let go of the file and the lock. Harmless when called again."""
        with self._mutex:
            self._closed = True
            self._connection.close()
            self._file.close()
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def writable(self) -> bool:
        """Whether this one holds the writer's lock."""
        return self._lock is not None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All that is read inside the block is of one moment. Keep it short: writers wait for its end."""
        with self._using() as connection:
            connection.execute("BEGIN")
            try:
                yield
            finally:
                connection.execute("ROLLBACK")

    # the avatar

    def avatar_glb(self) -> tuple[bytes, str, float]:
        """The avatar's file, compared with its digest; its name; metres per unit."""
        with self._using() as connection:
            row = connection.execute("SELECT glb, name, scale, sha256, seal FROM avatar").fetchone()
            if row is None or records.avatar_seal(*row[1:4]) != row[4] or hashlib.sha256(row[0]).digest() != row[3]:
                raise SceneError("its avatar is damaged")
            return row[0], row[1], row[2]

    def avatar(self) -> Avatar:
        """The avatar, loaded."""
        from engine.avatar.load import from_glb

        return from_glb(*self.avatar_glb())

    # layers, regions, properties

    def entries(self) -> tuple[LayerEntry, ...]:
        """All layers from the bottom up, without pixels."""
        with self._using() as connection:
            return tuple(records.entry_of(row) for row in records.read_records(connection, "layer"))

    def layer(self, layer_id: str) -> LesionLayer:
        """One layer with its pixels."""
        with self._using() as connection:
            row = records.read_record(connection, "layer", layer_id)
            if row is None:
                raise SceneError(f"the scene has no layer {layer_id!r}")
            return records.layer_of(connection, row)

    def layers(self) -> tuple[LesionLayer, ...]:
        """All layers from the bottom up with their pixels: 1.3 MB each at 512². `entries` and `layer` need less."""
        with self._using() as connection:
            return tuple(records.layer_of(connection, row) for row in records.read_records(connection, "layer"))

    def region_names(self) -> tuple[str, ...]:
        """Names of the regions and protected areas."""
        with self._using() as connection:
            return tuple(row["name"] for row in records.read_records(connection, "region"))

    def region(self, name: str) -> Region:
        """One named region."""
        with self._using() as connection:
            row = records.read_record(connection, "region", name)
            if row is None:
                raise SceneError(
                    f"the scene has no region {name!r}; it has: {', '.join(self.region_names()) or 'none'}"
                )
            return records.region_of(connection, row)

    def region_seals(self) -> dict[str, str]:
        """A checksum by name that tells, without decoding masks, whether a region is still the one that was read."""
        with self._using() as connection:
            return {row["name"]: row["seal"] for row in records.read_records(connection, "region")}

    def regions(self) -> tuple[Region, ...]:
        """All regions with their masks, by name."""
        with self._using() as connection:
            return tuple(records.region_of(connection, row) for row in records.read_records(connection, "region"))

    def property_of(self, name: str, default: Any = None) -> Any:
        """A property that `Edit.set_property` set."""
        with self._using() as connection:
            row = records.read_record(connection, "property", name)
            return default if row is None else records.parse_json(row["value"], object, f"property {name!r}")

    @property
    def exam(self) -> bool:
        """Whether classes are hidden from sheets and from the VR scene's data."""
        return self.property_of("exam", False) is True

    def setting(self, name: str, default: Any = None) -> Any:
        """What the program keeps with this scene (camera, panels, last seed): in neither history nor revision."""
        with self._using() as connection:
            row = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
            return default if row is None else records.parse_json(row[0], object, f"setting {name!r}")

    def set_setting(self, name: str, value: Any) -> None:
        """Keep any JSON value under a name."""
        text = json.dumps(value, sort_keys=True, ensure_ascii=False)
        if len(text) > records.MAX_JSON:
            raise SceneError(f"setting {name!r} has {len(text)} characters; at most {records.MAX_JSON} are kept")
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, text))

    def variants(self) -> tuple[LesionLayer, ...]:
        """Lesions that were generated to choose from and are not placed yet, as `keep_variants` left them."""
        with self._using() as connection:
            return variants.read(connection)

    def keep_variants(self, layers: Sequence[LesionLayer]) -> None:
        """Replace the kept variants. They survive a restart, and are no step of the history."""
        with self._writing() as connection:
            variants.write(connection, layers)

    # edits and history

    def edit(self, name: str) -> Edit:
        """A named gesture: `with scene.edit("Add nevus") as edit: edit.add(layer)`. One step, one transaction."""
        started = self.revision

        def commit(edit: Edit) -> Step | None:
            with self._using():
                if self.revision != started:
                    raise SceneError(f"{edit.name!r}: the scene changed while this step was under way; repeat it")
                return self._commit(lambda connection: history.write(connection, edit))

        self._require_writable()
        return Edit(name, self._using, commit)

    def undo(self) -> Step | None:
        """Take the last step back; the step, or None where there is none. The revision grows."""
        return self._commit(lambda connection: history.move(connection, forward=False))

    def redo(self) -> Step | None:
        """Repeat the step that was undone last; None where there is none. The revision grows."""
        return self._commit(lambda connection: history.move(connection, forward=True))

    def history(self) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        """The steps that undo can take back, latest last, and those that redo can repeat, next first."""
        with self._using() as connection:
            (current,) = connection.execute("SELECT current_step FROM document").fetchone()
            numbers = [number for (number,) in connection.execute("SELECT id FROM step ORDER BY id").fetchall()]
            steps = [step for step in (history.find(connection, number) for number in numbers) if step is not None]
            return tuple(s for s in steps if s.number <= current), tuple(s for s in steps if s.number > current)

    def layers_around(self, step: Step) -> dict[str, tuple[LesionLayer | None, LesionLayer | None]]:
        """What a step did: layer id → the layer before and after (None: absent). Their footprints are what is dirty."""
        with self._using() as connection:

            def layer(row: Record | None) -> LesionLayer | None:
                return None if row is None else records.layer_of(connection, row)

            return {key: (layer(b), layer(a)) for key, b, a in history.sides(connection, step.number)}

    # following and copying

    @property
    def revision(self) -> int:
        """The number of the present state. It grows by one with each edit, undo and redo, and never falls."""
        with self._using() as connection:
            return int(connection.execute("SELECT revision FROM document").fetchone()[0])

    @property
    def data_version(self) -> int:
        """SQLite's counter of commits made by others; cheap to ask many times a second. See `changed_since`."""
        with self._using():
            return int(self._file.execute("PRAGMA data_version").fetchone()[0])

    def changed_since(self, data_version: int) -> bool:
        """Whether another wrote since `data_version` was read. SceneError where the file was replaced or removed."""
        with self._using():
            if _identity(self.path) != self._identity:
                raise SceneError("was replaced by another file; open it again")
            changed = self.data_version != data_version
            if changed and self._connection is not self._file:
                self._load()
            return changed

    def changes_since(self, revision: int) -> Changed:
        """Which layers changed between `revision` and now."""
        with self._using() as connection:
            return history.changes_since(connection, revision)

    def save_as(self, path: Path) -> None:
        """Write the whole scene to another file, complete or not at all (SQLite's backup API). This one stays open."""
        path = path.resolve()
        if path.exists() and self.path.exists() and path.samefile(self.path):
            raise SceneError(f"{path}: is this scene itself, and saved already; choose another name")
        lock = WriterLock(path)
        try:
            with self._mutex, file.built(path) as copy:
                if self._closed:
                    raise SceneError(f"{self.path}: is closed")
                self._connection.backup(copy)
        finally:
            lock.release()

    def forget_history(self) -> None:
        """Drop all steps and what only they use, and give the space back. The state and its revision stay."""
        with self._writing() as connection:
            history.forget(connection, variants.pictures(connection))
        with self._using() as connection:
            connection.execute("VACUUM")

    def problems(self) -> list[str]:
        """Everything that is wrong with the file, in words; empty for a sound one. Reads all of it."""
        found: list[str] = []
        for check in (self._check_pages, self.avatar_glb, self.layers, self.regions, self.variants, self.history):
            try:
                check()
            except SceneError as error:
                found.append(str(error))
        return found

    def _check_pages(self) -> None:
        with self._using() as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise SceneError(f"damaged ({' '.join(str(verdict).split())})")

    def _load(self) -> None:
        """Check the schema; bring an older one up to date."""
        version = schema.version_of(self._file, str(self.path))
        if self._connection is not self._file:
            self._connection.close()
        self._connection = self._file
        if version < schema.VERSION and not self.writable:
            self._connection = file.in_memory(self._file)
        migration.migrate(self._connection, version)
        if self._connection.execute("SELECT count(*) FROM document").fetchone()[0] != 1:
            raise SceneError("has no document; the file is damaged")

    def _require_writable(self) -> None:
        if self._lock is None:
            raise SceneError(f"{self.path}: is open for reading only; open it for writing")

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, file.translated(self.path):
            if self._closed:
                raise SceneError("is closed")
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._require_writable()
        with self._using() as connection, file.transaction(connection):
            yield connection

    def _commit(self, work: Any) -> Step | None:
        """Run `work(connection)` as one transaction; what comes back as None is rolled back."""
        self._require_writable()
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                step: Step | None = work(connection)
                connection.execute("ROLLBACK" if step is None else "COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return step


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (-1, -1)
    return status.st_dev, status.st_ino

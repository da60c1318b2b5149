"""A TCP proxy that treats connections badly: drops, delays, stalls, duplicates and reorders them."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class Proxy:
    """Forwards `endpoint` to `target`; the attributes may be changed at any time, from any thread.

    refuse: new connections are closed at once. stalled: nothing is forwarded. delay_s: each piece waits up to so long.
    duplicate: what the client sends goes to a second connection, too, whose answers are thrown away. reorder_s: new
    connections wait a random time up to this before they go on, so that later ones overtake. drop_rate: chance that a
    piece costs its connection. chunk: largest piece.
    """

    def __init__(self, target: str, seed: int = 0) -> None:
        self.target = target
        self.refuse = self.stalled = self.duplicate = False
        self.delay_s = self.reorder_s = self.drop_rate = 0.0
        self.chunk = 65536
        self.connections = 0
        self._random = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._run(self._listen())
        port = self._server.sockets[0].getsockname()[1]
        self.endpoint = f"tcp://127.0.0.1:{port}"

    def drop(self) -> None:
        """Cut all connections."""
        self._run(self._cut())

    def close(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        writers = [writer]
        pumps: list[asyncio.Task[None]] = []
        try:
            if self.refuse:
                return
            await asyncio.sleep(self._random.random() * self.reorder_s)
            host, port = self.target.removeprefix("tcp://").split(":")
            streams = []
            for _ in range(2 if self.duplicate else 1):
                streams.append(await asyncio.open_connection(host, int(port)))
                writers.append(streams[-1][1])
            pumps = [asyncio.ensure_future(self._pump(reader, [stream[1] for stream in streams]))]
            pumps += [asyncio.ensure_future(self._pump(streams[0][0], [writer]))]
            pumps += [asyncio.ensure_future(self._pump(stream[0], [])) for stream in streams[1:]]
            await asyncio.wait(pumps[:2], return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            for each in writers:
                each.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, source: asyncio.StreamReader, sinks: list[asyncio.StreamWriter]) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(self.chunk):
                while self.stalled:
                    await asyncio.sleep(0.01)
                if self.delay_s:
                    await asyncio.sleep(self._random.random() * self.delay_s)
                if self._random.random() < self.drop_rate:
                    return
                for sink in sinks:
                    sink.write(piece)
                    await sink.drain()

    async def _end(self) -> None:
        """End every task, also those of connections that were accepted a moment ago, and let transports close."""
        self._server.close()
        quiet = 0
        while quiet < 3:
            # Only tasks that have begun: one that is cancelled before closes nothing.
            await self._cut()
            await asyncio.sleep(0.005)
            quiet = 0 if asyncio.all_tasks() - {asyncio.current_task()} else quiet + 1

    async def _cut(self) -> None:
        for task in self._tasks:
            task.cancel()

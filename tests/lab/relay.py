"""A long cable: a TCP relay that hands every byte on after a fixed time, in both directions, and keeps pipelining.

``relay.py LISTEN_ADDRESS LISTEN_PORT TARGET_ADDRESS TARGET_PORT DELAY_MS``: half of the round trip each way. It prints
its port on one line once it listens. Stand-alone: standard library only. It stands in for ``tc netem``, which not
every kernel has.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

CHUNK = 1 << 16
QUEUED_CHUNKS = 4096


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Hand on what ``reader`` gives, each chunk ``delay`` seconds after it came; then the end of the stream."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUED_CHUNKS)

    async def deliver() -> None:
        while True:
            due, data = await queue.get()
            if (left := due - loop.time()) > 0:
                await asyncio.sleep(left)
            if not data:
                writer.close()
                return
            writer.write(data)

    delivering = asyncio.create_task(deliver())
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            await queue.put((loop.time() + delay, data))
    await queue.put((loop.time() + delay, b""))
    await delivering


async def serve(listen: tuple[str, int], target: tuple[str, int], delay: float) -> None:
    """Relay every connection until killed."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*target)
        for end in (writer, far_writer):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(carry(reader, far_writer, delay), carry(far_reader, writer, delay))

    server = await asyncio.start_server(handle, *listen)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  the caller waits for this line
    async with server:
        await server.serve_forever()


def main() -> None:
    """Run from the command line."""
    address, port, target, target_port, milliseconds = sys.argv[1:]
    asyncio.run(serve((address, int(port)), (target, int(target_port)), float(milliseconds) / 1000))


if __name__ == "__main__":
    main()

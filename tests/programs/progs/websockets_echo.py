import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def main():
    async with serve(echo, "127.0.0.1", 0, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]

        async def one(i):
            async with connect(f"ws://127.0.0.1:{port}", max_size=None) as ws:
                for j in range(10):
                    await ws.send(f"{i} {j}")
                    assert await ws.recv() == f"{i} {j}"
                if i == 0:
                    big = b"b" * 1_000_000
                    await ws.send(big)
                    assert await ws.recv() == big

        await asyncio.gather(*[one(i) for i in range(30)])


asyncio.run(main())
print("ok")

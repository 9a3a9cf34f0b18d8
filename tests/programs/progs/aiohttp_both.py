import asyncio

import aiohttp
from aiohttp import web


async def hello(request):
    return web.json_response({"path": request.path, "q": dict(request.query)})


async def echo(request):
    return web.Response(body=await request.read())


async def ws(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data.upper())
    return socket


async def main():
    app = web.Application(client_max_size=10_000_000)
    app.add_routes([web.get("/hello", hello), web.post("/echo", echo), web.get("/ws", ws)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as s:
        async with s.get(f"{base}/hello", params={"a": "1"}) as r:
            assert await r.json() == {"path": "/hello", "q": {"a": "1"}}
        body = b"x" * 2_000_000
        async with s.post(f"{base}/echo", data=body) as r:
            assert await r.read() == body

        async def one(i):
            async with s.get(f"{base}/hello", params={"i": str(i)}) as r:
                return (await r.json())["q"]["i"]

        assert await asyncio.gather(*[one(i) for i in range(100)]) == [str(i) for i in range(100)]
        async with s.ws_connect(f"{base}/ws") as w:
            await w.send_str("hello")
            assert (await w.receive()).data == "HELLO"
    await runner.cleanup()


asyncio.run(main())
print("ok")

import asyncio

import httpx
import uvicorn


async def app(scope, receive, send):
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["path"].encode())]}
    )
    await send({"type": "http.response.body", "body": body or b"nothing"})


async def main():
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=8000, lifespan="off", log_level="warning")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url="http://127.0.0.1:8000") as client:
        r = await client.get("/a/b")
        assert (r.status_code, r.headers["x-path"], r.content) == (200, "/a/b", b"nothing")
        r = await client.post("/post", content=b"z" * 1_000_000)
        assert r.content == b"z" * 1_000_000
        rs = await asyncio.gather(*[client.get(f"/{i}") for i in range(50)])
        assert [r.headers["x-path"] for r in rs] == [f"/{i}" for i in range(50)]

    def blocking():
        with httpx.Client() as c:
            return c.get("http://localhost:8000/sync").headers["x-path"]

    assert await asyncio.to_thread(blocking) == "/sync"
    server.should_exit = True
    await task


asyncio.run(main())
print("ok")

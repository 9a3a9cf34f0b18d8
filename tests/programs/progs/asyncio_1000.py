import asyncio
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
N = 1000


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    open_now = 0
    everybody = asyncio.Event()

    async def client(i):
        nonlocal open_now
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        open_now += 1
        if open_now == N:
            everybody.set()
        await everybody.wait()
        for j in range(3):
            writer.write(b"%d %d\n" % (i, j))
            assert await reader.readline() == b"%d %d\n" % (i, j)
        writer.write(b"x" * 20000)
        assert await reader.readexactly(20000) == b"x" * 20000
        writer.close()
        await writer.wait_closed()
        return i

    assert await asyncio.gather(*[client(i) for i in range(N)]) == list(range(N))
    server.close()
    await server.wait_closed()


asyncio.run(main())
print("ok")

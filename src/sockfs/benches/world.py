"""W6: a simulated bulk transfer. Two hosts, 10 Mbit/s, 50 ms one way, 1 % loss; how many seconds of it one
real second computes.

    python -m sockfs.benches.world 20          20 simulated seconds
"""

from __future__ import annotations

import json
import sys
from time import perf_counter

import sockfs

PORT = 5001
CHUNK = 65536


def serve() -> None:
    import socket

    with socket.create_server(("", PORT)) as listener:
        connection, _ = listener.accept()
        with connection:
            while connection.recv(CHUNK):
                pass


def send() -> None:
    import socket

    data = bytes(CHUNK)
    with socket.create_connection(("server", PORT)) as connection:
        while True:
            connection.sendall(data)


def main(arguments: list[str]) -> int:
    simulated = float(arguments[0])
    world = sockfs.World(seed=1)
    world.host("server", serve)
    world.host("client", send)
    world.link("server", "client", delay=0.05, loss=0.01, rate="10mbit")
    start = perf_counter()
    world.run(until=simulated)
    print(json.dumps({"rate": world.now / (perf_counter() - start), "unit": "× real time"}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

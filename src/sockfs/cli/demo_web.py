"""The program of `sockfs demo`: a web server and its clients, in threads of one process.

It knows nothing of sockfs: `python demo_web.py` runs it on the kernel's sockets,
`sockfs run demo_web.py` on sockfs's.
With --pause one client stops in the middle of a download until a line comes on standard input.
"""

from __future__ import annotations

import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

URL = "http://127.0.0.1:8080"


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"This is {self.path}.\n".encode() * (100_000 if self.path == "/large" else 10)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *args: object) -> None:
        pass


def fetch(path: str) -> None:
    with urllib.request.urlopen(URL + path) as answer:
        line = f"client of {path}: {answer.status} {answer.reason}, {len(answer.read())} bytes\n"
        print(line, end="", flush=True)  # in one piece: the others print too


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 8080), Pages)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    clients = [threading.Thread(target=fetch, args=(f"/page{n}",)) for n in (1, 2, 3)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if sys.argv[1:] == ["--pause"]:
        with urllib.request.urlopen(URL + "/large") as answer:
            answer.read(1000)
            print("client of /large: 1000 bytes read, and waiting", flush=True)
            sys.stdin.readline()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()

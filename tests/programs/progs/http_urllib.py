# ruff: noqa: PT017
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404)
            return
        body = f"you asked for {self.path} from {self.client_address[0]}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
for i in range(20):
    with urllib.request.urlopen(f"{base}/{i}", timeout=10) as r:
        assert r.read() == f"you asked for /{i} from 127.0.0.1".encode()
big = bytes(range(256)) * 4096
with urllib.request.urlopen(urllib.request.Request(base, data=big), timeout=20) as r:
    assert r.read() == big[::-1]
try:
    urllib.request.urlopen(f"{base}/missing", timeout=10)
except urllib.error.HTTPError as e:
    assert e.code == 404
    e.close()
server.shutdown()
server.server_close()
try:
    urllib.request.urlopen(base, timeout=10)
except urllib.error.URLError as e:
    assert isinstance(e.reason, ConnectionRefusedError), e.reason
else:
    raise AssertionError("somebody answered")
print("ok")

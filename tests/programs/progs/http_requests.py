import os
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import requests


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


with tempfile.TemporaryDirectory() as folder:
    data = os.urandom(3_000_000)
    with open(os.path.join(folder, "data.bin"), "wb") as f:
        f.write(data)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://localhost:{server.server_port}"
    with requests.Session() as s:
        assert s.get(f"{base}/data.bin", timeout=20).content == data
        assert s.get(f"{base}/nothing", timeout=20).status_code == 404
        assert "data.bin" in s.get(f"{base}/", timeout=20).text
        assert s.head(f"{base}/data.bin", timeout=20).headers["Content-Length"] == "3000000"
    threads = [
        threading.Thread(target=lambda: requests.get(f"{base}/data.bin", timeout=30)) for _ in range(8)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    server.shutdown()
    server.server_close()
print("ok")

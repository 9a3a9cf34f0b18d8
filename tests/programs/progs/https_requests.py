# ruff: noqa: PT017
import os
import ssl
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
import trustme

BODY = os.urandom(500_000)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *args):
        pass


ca = trustme.CA()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ca.issue_cert("localhost").configure_cert(context)
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"https://localhost:{server.server_port}/"
with tempfile.TemporaryDirectory() as folder:
    pem = os.path.join(folder, "ca.pem")
    ca.cert_pem.write_to_path(pem)
    for _ in range(3):
        assert requests.get(url, verify=pem, timeout=20).content == BODY
    try:
        requests.get(url, timeout=20)
    except requests.exceptions.SSLError as e:
        assert "CERTIFICATE_VERIFY_FAILED" in str(e)
    else:
        raise AssertionError("an unknown authority was believed")
    client = ssl.create_default_context(cafile=pem)
    with urllib.request.urlopen(url, context=client, timeout=20) as r:
        assert r.read() == BODY
server.shutdown()
server.server_close()
print("ok")

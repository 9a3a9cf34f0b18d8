import io
import logging
import os
import tempfile
import threading
from ftplib import FTP

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

logging.basicConfig(level=logging.ERROR)
with tempfile.TemporaryDirectory() as folder:
    authorizer = DummyAuthorizer()
    authorizer.add_user("me", "secret", folder, perm="elradfmwMT")
    handler = FTPHandler
    handler.authorizer = authorizer
    server = FTPServer(("127.0.0.1", 0), handler)
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            server.serve_forever(timeout=0.05, blocking=False)
        server.close_all()

    t = threading.Thread(target=serve)
    t.start()
    data = os.urandom(2_000_000)
    for passive in (True, False):
        ftp = FTP()
        ftp.connect(*server.address, timeout=20)
        ftp.login("me", "secret")
        ftp.set_pasv(passive)
        ftp.storbinary("STOR file.bin", io.BytesIO(data))
        assert ftp.nlst() == ["file.bin"]
        got = io.BytesIO()
        ftp.retrbinary("RETR file.bin", got.write)
        assert got.getvalue() == data
        assert ftp.size("file.bin") == len(data)
        ftp.delete("file.bin")
        ftp.quit()
    stop.set()
    t.join()
print("ok")

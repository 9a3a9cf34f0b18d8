# ruff: noqa: PT017
import os
import socket
import subprocess
import sys

a = socket.create_server(("127.0.0.1", 0))
out = subprocess.run([sys.executable, "-c", "print('child')"], capture_output=True, text=True, check=True)
assert out.stdout == "child\n"
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    try:
        try:
            a.getsockname()
        except OSError as e:
            os.write(w, str(e).encode())
        else:
            os.write(w, b"no error")
        a.close()
    finally:
        os._exit(0)
os.close(w)
said = os.read(r, 1000).decode()
os.waitpid(pid, 0)
assert "forked" in said, said
assert a.getsockname()[0] == "127.0.0.1"
a.close()
try:
    import uvloop
except ImportError as e:
    assert "cannot run on a sockfs kernel" in str(e)
else:
    raise AssertionError(uvloop)
print("ok")

# ruff: noqa: PT017
import threading
from xmlrpc.client import Fault, ServerProxy
from xmlrpc.server import SimpleXMLRPCServer

server = SimpleXMLRPCServer(("localhost", 0), logRequests=False, allow_none=True)
server.register_function(pow, "pow")
server.register_function(lambda s: s[::-1], "reverse")
server.register_introspection_functions()
threading.Thread(target=server.serve_forever, daemon=True).start()
with ServerProxy(f"http://localhost:{server.server_address[1]}", allow_none=True) as proxy:
    assert proxy.pow(2, 10) == 1024
    assert proxy.reverse("abc" * 1000) == "cba" * 1000
    assert "pow" in proxy.system.listMethods()
    try:
        proxy.nothing()
    except Fault as e:
        assert "not supported" in e.faultString
    else:
        raise AssertionError("no fault")
server.shutdown()
server.server_close()
print("ok")

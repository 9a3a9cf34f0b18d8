import socket
import socketserver
import threading


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 600
    allow_reuse_address = True


N = 500
server = Server(("127.0.0.1", 0), Echo)
threading.Thread(target=server.serve_forever, daemon=True).start()
gate = threading.Barrier(N)
good = []


def client(i):
    with socket.create_connection(server.server_address, timeout=60) as s, s.makefile("rwb") as f:
        gate.wait(60)  # all of them are connected now
        for j in range(5):
            f.write(b"%d %d\n" % (i, j))
            f.flush()
            assert f.readline() == b"%d %d\n" % (i, j)
    good.append(i)


threading.stack_size(256 * 1024)
threads = [threading.Thread(target=client, args=(i,)) for i in range(N)]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert sorted(good) == list(range(N)), len(good)
server.shutdown()
server.server_close()
print("ok")

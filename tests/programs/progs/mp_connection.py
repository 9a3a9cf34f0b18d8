import threading
from multiprocessing.connection import Client, Listener, Pipe, wait

with Listener(("127.0.0.1", 0), authkey=b"secret") as listener:

    def serve():
        for _ in range(3):
            with listener.accept() as c:
                while True:
                    try:
                        x = c.recv()
                    except EOFError:
                        break
                    c.send((x, len(x)))

    t = threading.Thread(target=serve)
    t.start()
    for n in (1, 1000, 1_000_000):
        with Client(listener.address, authkey=b"secret") as c:
            c.send("a" * n)
            assert c.poll(20)
            assert c.recv() == ("a" * n, n)
    t.join()
a, b = Pipe()
a.send({"x": [1, 2]})
assert wait([b], 10) == [b]
assert b.recv() == {"x": [1, 2]}
a.close()
b.close()
print("ok")

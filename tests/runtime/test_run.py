"""`sockfs run` beside plain Python: the same program has the same output, traceback and exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = {
    "arguments": "import sys; print(sys.argv[1:], __name__, __file__ == sys.argv[0], sys.path[0])",
    "status": "import sys; sys.exit(7)",
    "words": "raise SystemExit('no more')",
    "error": "def f():\n    return 1 // 0\n\n\nf()",
    "chained": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e",
    "syntax": "def f(:\n    pass",
    "hook": "import sys\nsys.excepthook = lambda k, v, t: print('hook', k.__name__, t.tb_lineno)\n1 // 0",
    "atexit": "import atexit, threading\natexit.register(print, 'last')\n"
    "threading.Thread(target=print, args=['thread']).start()",
    "interrupt": "raise KeyboardInterrupt",
    "main": "import __main__, pickle\nclass C: pass\n"
    "print(type(pickle.loads(pickle.dumps(C()))), __main__.C is C)",
    "input": "print(input()[::-1])",
}


def run(args: list[str], **kwargs: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(args, capture_output=True, text=True, timeout=60, input="abc\n", **kwargs)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("name", PROGRAMS)
def test_like_plain_python(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.py"
    path.write_text(PROGRAMS[name])
    plain = run([sys.executable, str(path), "a", "--pcap", "-m"])
    ours = run([sys.executable, "-m", "sockfs", "run", str(path), "a", "--pcap", "-m"])
    assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, plain.stderr, plain.returncode)


def test_a_module_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("X = 1")
    (tmp_path / "app" / "__main__.py").write_text("import sys\nprint(__package__, __name__, len(sys.argv))")
    for args in (["-m", "app", "x"], ["app", "x"]):
        plain = run([sys.executable, *args], cwd=tmp_path)
        ours = run([sys.executable, "-m", "sockfs", "run", *args], cwd=tmp_path)
        assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, plain.stderr, plain.returncode)


@pytest.mark.parametrize(
    "args",
    [["/nothing/there.py"], ["-m", "no_such_module_at_all"], ["--sysctl", "net.no.such=1", "PATH"], []],
)
def test_what_cannot_start_is_one_line_and_status_2(args: list[str], tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text("print('ran')")
    done = run([sys.executable, "-m", "sockfs", "run", *[str(path) if a == "PATH" else a for a in args]])
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_control_c_ends_a_blocked_call(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text(
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\nprint('ready', flush=True)\ns.accept()\n"
    )
    p = subprocess.Popen(
        [sys.executable, "-m", "sockfs", "run", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert p.stdout is not None
    assert p.stdout.readline() == "ready\n"
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=30)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert p.returncode == -signal.SIGINT


INSIDE_AT_THE_END = """
import gc, socket, threading, time
from sockfs.libc import loop

gc.set_threshold(0)  # no collection but the last
inside = threading.Event()
waiter = loop.current.waiter
cycle = [socket.socket()]
cycle.append(cycle)
del cycle

def hold():
    waiter.acquire()
    inside.set()
    time.sleep(0.3)
    waiter.release()

threading.Thread(target=hold, daemon=True).start()
inside.wait()
"""


def test_a_thread_that_is_inside_when_the_interpreter_ends(tmp_path: Path) -> None:
    """It would die with the lock in its hand, and the finaliser of the socket in the cycle wait for ever."""
    path = tmp_path / "inside.py"
    path.write_text(INSIDE_AT_THE_END)
    done = run([sys.executable, "-m", "sockfs", "run", str(path)])
    assert (done.returncode, done.stderr) == (0, "")

"""`sockfs demo` shows what the README promises: the program's output, sockets, picture, calls, a capture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sockfs.cli import demo


def test_demo(tmp_path: Path) -> None:
    capture = tmp_path / "demo.pcapng"
    done = subprocess.run(
        [sys.executable, "-m", "sockfs", "demo", "--pcap", str(capture)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    out = done.stdout
    for n in (1, 2, 3):
        assert f"client of /page{n}: 200 OK" in out
    assert "LISTEN" in out and "127.0.0.1:8080" in out
    assert "tcp_sock  ESTABLISHED" in out
    assert "\nbind(3, {sa_family=AF_INET, sin_port=htons(8080)" in out
    chain = "sys_socket __sys_socket sock_create __sock_create inet_create tcp_v4_init_sock sock_map_fd"
    at = 0
    for name in chain.split():
        at = out.index(f" {name}()", at)
    assert str(capture) in out
    assert capture.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"  # a pcapng section header


def test_the_program_of_the_demo_runs_on_the_kernel_too() -> None:
    done = subprocess.run([sys.executable, str(demo.PROGRAM)], capture_output=True, text=True, timeout=60)
    assert sorted(done.stdout.split("\n")[:-1]) == [
        f"client of /page{n}: 200 OK, 160 bytes" for n in (1, 2, 3)
    ]


def test_graph_of_takes_one_call() -> None:
    lines = [
        "bind(3, x) = 0",
        " 0) a",
        "socket(AF) = 4",
        " 0) b {",
        " 0) }",
        "[tid 2] socket(AF) = 5",
        " 0) c",
    ]
    assert demo.graph_of(lines, "socket(") == lines[2:5]
    assert demo.calls(lines) == [lines[0], lines[2], lines[5]]

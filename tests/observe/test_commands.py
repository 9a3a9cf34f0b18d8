"""trace, tree, ss, lsof, nstat, netstat and --pcap on real programs, from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockfs.observe.snapshot import View

SEQUENCE = str(0x02000000)  # PI_SEQUENCE of tshark's expert information
ECHO = """\
import socket
s = socket.create_server(("127.0.0.1", 8080))
c = socket.create_connection(("127.0.0.1", 8080))
a, _ = s.accept()
c.sendall(b"hello" * 100)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 5300))
u.sendto(b"x" * 10, ("127.0.0.1", 5300))
"""
WAIT = ECHO + "print('ready', flush=True)\nimport sys\nsys.stdin.read()\n"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}


def command(tmp_path: Path, env: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sockfs", *args],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.fixture
def running(tmp_path: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program that waits, its connection open."""
    (tmp_path / "wait.py").write_text(WAIT)
    program = subprocess.Popen(
        [sys.executable, "-m", "sockfs", "tree", "-o", "picture", "wait.py"],
        cwd=tmp_path,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    yield program
    assert program.stdin is not None
    program.stdin.close()
    assert program.wait(30) == 0
    program.stdout.close()


def test_tables_of_a_running_program(
    running: subprocess.Popen[str], tmp_path: Path, env: dict[str, str]
) -> None:
    done = command(tmp_path, env, "ss", "-tlnp")
    assert done.stderr == ""
    assert done.stdout.splitlines()[1].split() == [
        *"LISTEN 0 128 127.0.0.1:8080 0.0.0.0:*".split(),
        'users:(("wait.py",pid=1,fd=3))',
    ]  # fmt: skip
    words = "ss -tn state established sport = 8080 --of".split()
    by_pid = command(tmp_path, env, *words, str(running.pid))
    assert by_pid.stdout.splitlines()[1].startswith("500    0")
    by_path = json.loads(command(tmp_path, env, "ss", "-uan", "--json", "--of", "wait.py").stdout)
    assert [(r["local"]["port"], r["netid"], r["state"]) for r in by_path] == [(5300, "udp", "UNCONN")]
    lsof = command(tmp_path, env, "lsof", "-i", "-P")
    assert len(lsof.stdout.splitlines()) == 5
    assert lsof.stdout.splitlines()[1].endswith("TCP 127.0.0.1:8080 (LISTEN)")
    assert (
        "TcpPassiveOpens                 1                  0.0\n" in command(tmp_path, env, "nstat").stdout
    )
    netstat = command(tmp_path, env, "netstat", "-tan").stdout
    assert "tcp      500      0 127.0.0.1:8080 " in netstat
    tcp = command(tmp_path, env, "netstat", "--proc", "tcp").stdout.splitlines()
    assert tcp[1].startswith(
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 "
    )
    tree = command(tmp_path, env, "tree", "--of", str(running.pid)).stdout
    assert "127.0.0.1:8080 ⇄" in tree
    running.send_signal(signal.SIGUSR1)
    assert command(tmp_path, env, "ss", "-s").returncode == 0


def test_nobody_is_there(tmp_path: Path, env: dict[str, str]) -> None:
    done = command(tmp_path, env, "ss")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "sockfs: no sockfs program is running; start one with sockfs run\n"
    done = command(tmp_path, env, "lsof", "--of", "99999999")
    assert done.stderr == "sockfs: process 99999999 is no running sockfs program\n"
    done = command(tmp_path, env, "ss", "frobnicate")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("at", ["bogus", "during:close", ""])
def test_tree_refuses_a_call_that_there_is_not(tmp_path: Path, env: dict[str, str], at: str) -> None:
    (tmp_path / "p.py").write_text("print('ran')")
    done = command(tmp_path, env, "tree", "--at", at, "p.py")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_the_control_socket_goes_with_the_program(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "p.py").write_text(
        "import os\nprint(os.listdir(os.environ['XDG_RUNTIME_DIR'] + '/sockfs'))\n"
    )
    done = command(tmp_path, env, "run", "p.py")
    assert done.stdout.startswith("['")
    assert done.stdout.endswith(".sock']\n")
    assert list((tmp_path / "sockfs").iterdir()) == []


def test_a_program_runs_where_no_control_socket_can_be_made(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "sockfs").write_text("in the way")
    (tmp_path / "p.py").write_text("import socket; print(socket.socket().fileno())")
    done = command(tmp_path, env, "run", "p.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


def test_tree_at_exit_at_a_signal_and_at_a_call(tmp_path: Path, env: dict[str, str]) -> None:
    end = "import os, signal\nos.kill(os.getpid(), signal.SIGUSR1)\nraise SystemExit(7)\n"
    (tmp_path / "p.py").write_text(ECHO + end)
    done = command(tmp_path, env, "tree", "p.py")
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout.count("── at SIGUSR1 ──") == done.stdout.count("── at exit ──") == 1
    assert "│  5  │──▶│ f_count 1           │──▶│ CONNECTED" in done.stdout
    done = command(tmp_path, env, "tree", "--at", "before:accept", "--once", "p.py")
    assert "before accept4(3)" in done.stdout
    assert "accept queue ▕▏·········▏ 1 of 128" in done.stdout
    assert "└─▶│ 127.0.0.1:8080 ⇄" in done.stdout
    done = command(tmp_path, env, "tree", "--at", "accept", "--json", "-o", "t.json", "p.py")
    assert done.returncode == 7
    view = View.loads((tmp_path / "t.json").read_text().splitlines()[0])  # the second is the signal's
    assert view.tasks[1].files.fdt[5].private_data.sk.d["state"] == "ESTABLISHED"


def test_trace_of_a_program(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "p.py").write_text(ECHO + "raise SystemExit(3)\n")
    done = command(tmp_path, env, "trace", "-e", "accept4,sendto", "--no-softirq", "p.py")
    assert (done.returncode, done.stdout) == (3, "")
    lines = done.stderr.splitlines()
    calls = [line for line in lines if not line.startswith(" 0)")]
    assert [line.partition("(")[0] for line in calls] == ["accept4", "sendto", "sendto"]
    assert calls[1].startswith('sendto(4, "hellohellohellohellohellohellohe"..., 500, 0, NULL, 0) = 500')
    assert " tcp_sendmsg_locked() {" in done.stderr
    assert "/* inet_stream_ops.sendmsg */" in done.stderr
    out = command(tmp_path, env, "trace", "--json", "--no-graph", "-o", "t", "p.py")
    assert (out.returncode, out.stderr) == (3, "")
    records = [json.loads(line) for line in (tmp_path / "t").read_text().splitlines()]
    assert [r["call"] for r in records if r["kind"] == "syscall"][-2:] == ["bind", "sendto"]


def test_calls_of_two_threads_are_told_apart(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "p.py").write_text(
        "import socket, threading\n"
        "a, b = socket.socketpair()\n"
        "t = threading.Thread(target=lambda: b.send(a.recv(5))); t.start()\n"
        "b.send(b'hello'); t.join()\n"
    )
    done = command(tmp_path, env, "trace", "--no-graph", "-e", "recvfrom,sendto", "p.py")
    lines = done.stderr.splitlines()
    assert "[tid 1] sendto" in done.stderr
    assert "[tid 2] sendto" in done.stderr
    if any("unfinished" in line for line in lines):
        assert any(line.startswith("[tid 2] <... recvfrom resumed>") for line in lines)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_tshark_reads_a_real_capture(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "p.py").write_text(ECHO + "a.sendall(b'y' * 300000)\nc.recv(300000)\n")
    assert command(tmp_path, env, "run", "--pcap", "x.pcapng", "p.py").returncode == 0
    check = [word for p in ("ip", "tcp", "udp") for word in ("-o", f"{p}.check_checksum:TRUE")]
    fields = (
        "frame.interface_name ip.checksum.status tcp.checksum.status udp.checksum.status _ws.expert.group"
    )
    done = subprocess.run(
        ["tshark", "-r", "x.pcapng", "-T", "fields", *check, *[w for f in fields.split() for w in ("-e", f)]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) > 8
    assert {row[0] for row in rows} == {"lo"}
    assert {row[1] for row in rows} == {"1"}
    assert {row[2] for row in rows} == {"1", ""}
    assert "1" in {row[3] for row in rows}
    assert {row[3] for row in rows} <= {"1", ""}
    # the only remarks are on how the connection went (window full …), none on what the bytes look like
    assert {group for row in rows for group in row[4].split(",") if group} <= {SEQUENCE}

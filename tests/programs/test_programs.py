"""Programs that nobody here wrote run unmodified: each of `progs/` is started by `sockfs run` in a process of
its own.

Each prints what it saw; the last line is `ok`. The guard (`guard/sitecustomize.py`) ends a program that opens
an Internet socket of the host's. Run by plain Python, the same programs pass on the real kernel.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted(p.stem for p in (HERE / "progs").glob("*.py"))
NEEDS = {
    "http_requests": ["requests"],
    "https_requests": ["requests", "trustme"],
    "aiohttp_both": ["aiohttp"],
    "uvicorn_httpx": ["uvicorn", "httpx"],
    "websockets_echo": ["websockets"],
    "smtp_aiosmtpd": ["aiosmtpd"],
    "ftp_pyftpdlib": ["pyftpdlib"],
}


def run(*args: str, timeout: float = 100, **env: str) -> subprocess.CompletedProcess[str]:
    paths = [str(HERE / "guard"), *[p for p in (os.environ.get("PYTHONPATH"),) if p]]
    return subprocess.run(
        [sys.executable, "-m", "sockfs", "run", *args],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **env},
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    for package in NEEDS.get(name, []):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    done = run(str(HERE / "progs" / f"{name}.py"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "ok", done.stdout + done.stderr


def test_the_guard_sees_a_socket_of_the_hosts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import socket; socket.socket()"],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(HERE / "guard")},
    )
    assert done.returncode == 99

"""The frame of the command line: exit statuses, one line for each mistake, and what is not imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sockfs
from sockfs.cli import main


def sockfs_command(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sockfs", *args], cwd=cwd, capture_output=True, text=True, timeout=60
    )


def test_version() -> None:
    done = sockfs_command("--version")
    python = ".".join(map(str, sys.version_info[:3]))
    assert done.returncode == 0
    assert done.stdout.startswith(f"sockfs {sockfs.__version__} (Python {python}")
    assert done.stdout.rstrip().endswith("compiled)" if sockfs.compiled() else "interpreted)")


def test_help_names_every_command_without_importing_it() -> None:
    code = (
        "import sys; from sockfs.cli import main\n"
        "try: main.main(['--help'])\n"
        "except SystemExit as e: assert e.code == 0\n"
        "print([m for m in sys.modules if m.startswith('sockfs.cli.') and m != 'sockfs.cli.main'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.rstrip().endswith("[]"), done.stdout + done.stderr
    for name in main.COMMANDS:
        if main.cli.get_command(main.click.Context(main.cli), name) is not None:
            assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["run"], "sockfs run: no program given"),
        (["run", "-m"], "sockfs run: no module given after -m"),
        (
            ["run", "missing.py", "--option"],
            "sockfs run: cannot read 'missing.py': No such file or directory",
        ),
        (["run", "folder"], "sockfs run: cannot read 'folder/__main__.py': No such file or directory"),
        (["run", "-m", "no_such_module.at_all"], "sockfs run: no module named 'no_such_module.at_all'"),
        (["run", "--sysctl", "net.ipv4", "p.py"], "sockfs run: --sysctl wants KEY=VALUE, not 'net.ipv4'"),
        (["run", "--pcap", "nowhere/x", "p.py"], "sockfs run: cannot write 'nowhere/x': no such directory"),
        (["run", "--pcap", "folder", "p.py"], "sockfs run: cannot write 'folder': it is a directory"),
        (["run", "--frobnicate", "p.py"], "sockfs run: No such option"),
        (["run", "--pcap"], "sockfs: Option '--pcap' requires an argument."),
        (["frobnicate"], "sockfs: No such command 'frobnicate'."),
        (["--frobnicate"], "sockfs: No such option"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(args: list[str], line: str, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("")
    (tmp_path / "folder").mkdir()
    done = sockfs_command(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(line)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_program(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("")
    (tmp_path / "p.py").chmod(0)
    done = sockfs_command("run", "p.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "sockfs run: cannot read 'p.py': Permission denied\n")


HEAVY = {"socket", "_socket", "select", "selectors", "asyncio", "ssl", "rich", "subprocess"}


def test_nothing_heavy_is_imported_before_the_program_starts(tmp_path: Path) -> None:
    """`run` must come before everybody who binds socket or select; the stand-in for the runtime looks who is
    there."""
    code = (
        "import sys, types\n"
        "def run_program(*args, **_): print(args, sorted(set(sys.modules) & " + repr(HEAVY) + ")); return 7\n"
        "import sockfs\n"
        "for name in 'sockfs.runtime', 'sockfs.runtime.run': sys.modules[name] = types.ModuleType(name)\n"
        "sys.modules['sockfs.runtime.run'].run_program = run_program\n"
        "from sockfs.cli.main import main\n"
        "main()\n"
    )
    (tmp_path / "p.py").write_text("")

    def run(*args: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", code, "run", *args],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.strip()

    assert run("p.py", "--wire", "--", "-m") == (
        7,
        "(['p.py', '--wire', '--', '-m'], False, None, False, []) []",
    )
    assert run("--wire", "--sysctl", "a=1", "--sysctl=b=2", "--pcap", "f", "-m", "http.server", "--cgi") == (
        7,
        "(['http.server', '--cgi'], True, 'f', True, ['a=1', 'b=2']) []",
    )


def test_the_program_keeps_its_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What leaves the program leaves `main`: click must not turn Ctrl-C into a message of its own."""

    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(main.cli, "main", lambda *args, **kwargs: interrupted)
    with pytest.raises(KeyboardInterrupt):
        main.main(["run", "p.py"])

"""The README's examples do what it says when they are pasted.

Console blocks: what follows `$ ` is given to a shell, in one folder for all of them; the lines below it must
come out. Python blocks: the comment behind a `print` is what it prints. `…` stands for anything.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.M | re.S)


def pattern(expected: str) -> str:
    return ".*".join(re.escape(part) for part in expected.split("…"))


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """An empty folder, and an environment in which `sockfs` is ours."""
    root = tmp_path_factory.mktemp("readme")
    command = root / "bin" / "sockfs"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sockfs "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    folder = root / "work"
    folder.mkdir()
    return folder, {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"}


def commands(block: str) -> list[tuple[str, str]]:
    """(command, output) of a console block; a here-document belongs to its command."""
    found: list[tuple[str, str]] = []
    end = ""
    for line in block.splitlines(keepends=True):
        if end:
            found[-1] = (found[-1][0] + line, "")
            if line.rstrip() == end:
                end = ""
        elif line.startswith("$ "):
            found.append((line[2:], ""))
            here = re.search(r"<<(\w+)", line)
            end = here[1] if here else ""
        else:
            found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def test_the_first_two_commands_set_up() -> None:
    first, second = blocks("sh")[:2]
    for block in (first, second):
        assert block.count("\n") == 1
        assert block.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert first.endswith("&& .venv/bin/sockfs demo\n")
    assert second.endswith("&& .venv/bin/pytest\n")


CONSOLE = [pair for block in blocks("console") for pair in commands(block)]


@pytest.mark.parametrize("number", range(len(CONSOLE)), ids=lambda n: CONSOLE[n][0].partition("\n")[0])
def test_console(number: int, shell: tuple[Path, dict[str, str]]) -> None:
    folder, environment = shell
    command, expected = CONSOLE[number]
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    if "<<" not in command:
        assert expected
        assert re.search(pattern(expected.strip("\n")), done.stdout, re.S), done.stdout


PYTHON = blocks("python")


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python(number: int, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(PYTHON[number])
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    expected = re.findall(r"^ *print\(.*\)  # (.*)$", PYTHON[number], re.M)
    printed = done.stdout.splitlines()
    assert expected
    assert len(printed) == len(expected)
    for got, want in zip(printed, expected, strict=True):
        assert re.fullmatch(pattern(want), got)


def test_there_are_five() -> None:
    assert len(re.findall(r"^\*\*\d\. ", README.read_text(), re.M)) == 5
    assert len(PYTHON) + len(blocks("console")) == 5

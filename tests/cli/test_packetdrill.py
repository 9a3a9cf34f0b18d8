"""`sockfs packetdrill`: folders, exit statuses, what a failure prints, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sockfs.cli import main

GOOD = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(3) = 0\n"
BAD = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(4) = 0\n"
UNREADABLE = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(3 = 0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "good.pkt").write_text(GOOD)
    (tmp_path / "a" / "bad.pkt").write_text(BAD)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "good.pkt").write_text(GOOD)
    (tmp_path / "b" / "note.txt").write_text("no script")
    return tmp_path


def status(*args: object) -> int:
    with pytest.raises(SystemExit) as e:
        main.main(["packetdrill", *map(str, args)])
    assert isinstance(e.value.code, int)
    return e.value.code


def test_a_folder_that_passes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(folder / "b") == 0
    assert capsys.readouterr().out == f"{folder / 'b'}     1 / 1\n"


def test_a_folder_in_which_one_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(folder) == 1
    out = capsys.readouterr().out
    assert f"{folder}/a/bad.pkt:2:4: close: expected 0, got -1 EBADF [ipv4]" in out
    assert [line.split() for line in out.splitlines()[-3:]] == [
        [str(folder / "a"), "1", "/", "2", "1", "failed"],
        [str(folder / "b"), "1", "/", "1"],
        ["total", "2", "/", "3", "1", "failed"],
    ]


def test_a_syntax_error_points_and_is_status_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "c.pkt"
    path.write_text(UNREADABLE)
    assert status(path, folder / "b") == 2
    assert f"{path}:2:12: expected ')', found '='" in capsys.readouterr().out


def test_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(folder / "nowhere.pkt") == 2
    assert status("-D", "nonsense", folder) == 2
    assert status("--ip-version", "ipv5", folder) == 2
    (folder / "empty").mkdir()
    assert status(folder / "empty") == 2
    assert "no .pkt script there" in capsys.readouterr().err
    (folder / "c.pkt").write_text("--frob=1\n" + GOOD)
    assert status(folder / "c.pkt") == 2
    assert "option --frob is not known" in capsys.readouterr().out


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("--json", folder) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["passed"], data["total"]) == (2, 3)
    bad = data["results"][0]
    assert (bad["path"], bad["ip_version"], bad["passed"]) == (f"{folder}/a/bad.pkt", "ipv4", False)
    assert (bad["failure"]["line"], bad["failure"]["kind"]) == (2, "mismatch")
    assert data["folders"] == [
        {"folder": str(folder / "a"), "passed": 1, "total": 2},
        {"folder": str(folder / "b"), "passed": 1, "total": 1},
    ]


def test_definitions(folder: Path) -> None:
    (folder / "c.pkt").write_text(GOOD.replace("= 3", "= WHICH"))
    assert status("-D", "WHICH=3", folder / "c.pkt") == 0

"""The picture of a machine put together by hand."""

from __future__ import annotations

from sockfs.observe import text, tree
from sockfs.observe.snapshot import View
from tests.observe.hand import Machine, machine


def picture(m: Machine, columns: int = 130) -> list[str]:
    return text.to_text(tree.draw(View.of(m.k), columns)).splitlines()


def row(lines: list[str], word: str) -> int:
    return next(i for i, line in enumerate(lines) if word in line)


def test_a_row_leads_from_the_descriptor_to_the_sock() -> None:
    lines = picture(machine())
    at = row(lines, "127.0.0.1:18080 ⇄")
    assert lines[at - 1].split() == [
        *"╭─ fd ╮".split(), *"╭─ file ──────────────╮ ╭─ socket:[174615] ────────╮".split(),
        *"╭─ tcp_sock ESTABLISHED ──────────────────────────╮".split(),
    ]  # fmt: skip
    assert lines[at].startswith("│  5  │──▶│ f_count 1           │──▶│ CONNECTED")
    assert "sk_receive_queue [1000]" in lines[row(lines, "sk_receive_queue [1000]")]
    assert "peer    python3 20852 fd 4" in "\n".join(lines)


def test_two_descriptors_of_one_file_share_a_row() -> None:
    m = machine()
    file = m.task.files.fdt[5]
    assert file is not None
    file.f_count = 2
    m.task.files.fdt.append(file)
    lines = picture(m)
    at = row(lines, "f_count 2")
    assert lines[at].startswith("│  5  │──▶")
    assert lines[at + 1].startswith("│ 10  │")
    assert sum("socket:[174615]" in line for line in lines) == 1


def test_what_no_descriptor_reaches_is_drawn_too() -> None:
    lines = picture(machine())
    at = row(lines, "reached by no descriptor")
    assert "inet_timewait_sock  TIME_WAIT" in lines[at + 2]
    assert "time-wait 59.9 s" in "\n".join(lines[at:])


def test_a_narrow_terminal_gets_the_boxes_below_each_other() -> None:
    lines = picture(machine(), 80)
    assert max(map(len, lines)) <= 80
    at = row(lines, "socket:[174613]")
    assert "└─▶│ LISTENING" in lines[at + 1]
    assert "tcp_sock  LISTEN" in lines[row(lines, "tcp_sock")]


def test_gauges() -> None:
    assert text.to_text([text.bar(0, 100)]) == "▕··········▏\n"
    assert text.to_text([text.bar(50, 100)]) == "▕█████·····▏\n"
    assert text.to_text([text.bar(1, 1 << 20)]) == "▕▏·········▏\n"
    assert text.to_text([text.bar(500, 100)]) == "▕██████████▏\n"

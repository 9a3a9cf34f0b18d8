"""The timer heap: order, lazy stops, timers that leave for good."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import sockfs
from sockfs.kernel import timers
from sockfs.structs.timer import TimerList


class Bell(TimerList):
    """Notes in `rung` that it went off."""

    def __init__(self, name: int, rung: list[int]) -> None:
        super().__init__()
        self.name = name
        self.rung = rung

    def function(self) -> None:
        self.rung.append(self.name)


def test_a_timer_set_later_goes_off_later() -> None:
    k = sockfs.Kernel(seed=0)
    rung: list[int] = []
    a, b = Bell(1, rung), Bell(2, rung)
    timers.mod_timer(k, a, 10)
    timers.mod_timer(k, b, 20)
    assert timers.mod_timer(k, a, 30)
    k.now = 25
    timers.run_timers(k)
    assert rung == [2]
    assert timers.next_expiry(k) == 30
    k.now = 30
    timers.run_timers(k)
    assert rung == [2, 1]
    assert timers.next_expiry(k) == timers.NEVER


def test_shutdown_leaves_nothing_in_the_heap() -> None:
    k = sockfs.Kernel(seed=0)
    rung: list[int] = []
    bells = [Bell(i, rung) for i in range(10)]
    for i, bell in enumerate(bells):
        timers.mod_timer(k, bell, 100 - i)
    for bell in bells[::2]:
        assert timers.timer_shutdown(k, bell)
        assert not timers.timer_shutdown(k, bell)
    assert len(k.timers.heap) == 5
    k.now = 200
    timers.run_timers(k)
    assert rung == [9, 7, 5, 3, 1]


steps = st.lists(
    st.tuples(st.sampled_from(["set", "stop", "shutdown", "run"]), st.integers(0, 7), st.integers(0, 50)),
    max_size=60,
)


@given(steps)
def test_as_a_list_that_is_sorted_each_time(script: list[tuple[str, int, int]]) -> None:
    k = sockfs.Kernel(seed=0)
    rung: list[int] = []
    bells = [Bell(i, rung) for i in range(8)]
    due: dict[int, int] = {}
    for what, i, t in script:
        if what == "set":
            assert timers.mod_timer(k, bells[i], k.now + t) == (i in due)
            due[i] = k.now + t
        elif what == "stop":
            assert timers.del_timer(bells[i]) == (due.pop(i, None) is not None)
        elif what == "shutdown":
            assert timers.timer_shutdown(k, bells[i]) == (due.pop(i, None) is not None)
        else:
            k.now += t
            rung.clear()
            timers.run_timers(k)
            now = sorted((at, i) for i, at in due.items() if at <= k.now)
            assert sorted(rung) == sorted(i for _, i in now)
            assert [due[i] for i in rung] == sorted(due[i] for i in rung)
            for _, i in now:
                del due[i]
        assert timers.next_expiry(k) == min(due.values(), default=timers.NEVER)
        assert sorted(due) == sorted(t.name for t in timers.pending(k))  # type: ignore[attr-defined]

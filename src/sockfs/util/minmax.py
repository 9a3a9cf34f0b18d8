"""The least or greatest of the values seen in a moving window of time, in constant space.

Kernel counterpart: lib/win_minmax.c. Kathleen Nichols' windowed filter, as the BBR drafts use it: three
samples are kept, each the best since the one before it, so that when the best one leaves the window the next
is at hand. The answer is exact while samples come often enough, and otherwise close: the three are kept about
a quarter and a half of the window apart. `t` and `win` are in any one unit; time does not run backwards.
"""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(acyclic=True)
class Minmax:
    """`struct minmax`: the best sample and the two that come after it, oldest first."""

    t0: i64
    v0: i64
    t1: i64
    v1: i64
    t2: i64
    v2: i64

    def __init__(self) -> None:
        self.t0 = 0
        self.v0 = 0
        self.t1 = 0
        self.v1 = 0
        self.t2 = 0
        self.v2 = 0


def minmax_get(m: Minmax) -> i64:
    return m.v0


def minmax_reset(m: Minmax, t: i64, meas: i64) -> i64:
    """Forgets everything but this sample."""
    m.t0 = t
    m.v0 = meas
    m.t1 = t
    m.v1 = meas
    m.t2 = t
    m.v2 = meas
    return meas


def minmax_running_max(m: Minmax, win: i64, t: i64, meas: i64) -> i64:
    """Takes a sample and returns the greatest of the last `win`."""
    if meas >= m.v0 or t - m.t2 > win:
        return minmax_reset(m, t, meas)
    if meas >= m.v1:
        _second(m, t, meas)
    elif meas >= m.v2:
        m.t2 = t
        m.v2 = meas
    return _slide(m, win, t, meas)


def minmax_running_min(m: Minmax, win: i64, t: i64, meas: i64) -> i64:
    """Takes a sample and returns the least of the last `win`."""
    if meas <= m.v0 or t - m.t2 > win:
        return minmax_reset(m, t, meas)
    if meas <= m.v1:
        _second(m, t, meas)
    elif meas <= m.v2:
        m.t2 = t
        m.v2 = meas
    return _slide(m, win, t, meas)


def _second(m: Minmax, t: i64, meas: i64) -> None:
    """The sample beats all since the best: it is second, and nothing after it is known yet."""
    m.t1 = t
    m.v1 = meas
    m.t2 = t
    m.v2 = meas


def _slide(m: Minmax, win: i64, t: i64, meas: i64) -> i64:
    age: i64 = t - m.t0
    if age > win:
        # The best is too old: everybody moves up. The next may be as old, if samples were rare.
        _promote(m, t, meas)
        if t - m.t0 > win:
            _promote(m, t, meas)
    elif m.t1 == m.t0 and age > win // 4:
        # A quarter of the window without a second: take this one, lest all three grow old together.
        _second(m, t, meas)
    elif m.t2 == m.t1 and age > win // 2:
        m.t2 = t
        m.v2 = meas
    return m.v0


def _promote(m: Minmax, t: i64, meas: i64) -> None:
    m.t0 = m.t1
    m.v0 = m.v1
    m.t1 = m.t2
    m.v1 = m.v2
    m.t2 = t
    m.v2 = meas

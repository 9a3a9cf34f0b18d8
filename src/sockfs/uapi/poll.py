"""Numbers of poll, select and epoll.

Kernel counterpart: include/uapi/asm-generic/poll.h, include/uapi/linux/eventpoll.h; poll(2), select(2),
epoll_ctl(2). EPOLLIN and POLLIN are the same bits.
"""

from __future__ import annotations

from typing import Final

POLLIN: Final = 0x1
POLLPRI: Final = 0x2
POLLOUT: Final = 0x4
POLLERR: Final = 0x8
POLLHUP: Final = 0x10
POLLNVAL: Final = 0x20
POLLRDNORM: Final = 0x40
POLLRDBAND: Final = 0x80
POLLWRNORM: Final = 0x100
POLLWRBAND: Final = 0x200
POLLMSG: Final = 0x400
POLLREMOVE: Final = 0x1000
POLLRDHUP: Final = 0x2000
POLLFREE: Final = 0x4000  # internal: the wait queue itself goes away
POLL_BUSY_LOOP: Final = 0x8000  # internal: the caller may spin

EPOLLIN: Final = 0x1
EPOLLPRI: Final = 0x2
EPOLLOUT: Final = 0x4
EPOLLERR: Final = 0x8
EPOLLHUP: Final = 0x10
EPOLLNVAL: Final = 0x20
EPOLLRDNORM: Final = 0x40
EPOLLRDBAND: Final = 0x80
EPOLLWRNORM: Final = 0x100
EPOLLWRBAND: Final = 0x200
EPOLLMSG: Final = 0x400
EPOLLRDHUP: Final = 0x2000
EPOLL_URING_WAKE: Final = 0x8000000
EPOLLEXCLUSIVE: Final = 0x10000000
EPOLLWAKEUP: Final = 0x20000000
EPOLLONESHOT: Final = 0x40000000
EPOLLET: Final = 0x80000000

# epoll_ctl(2), epoll_create1(2).
EPOLL_CTL_ADD: Final = 1
EPOLL_CTL_DEL: Final = 2
EPOLL_CTL_MOD: Final = 3
EPOLL_CLOEXEC: Final = 0o2000000
EP_MAX_NESTS: Final = 4  # an epoll may watch an epoll, to this depth
EP_MAX_EVENTS: Final = 178956970  # INT_MAX / sizeof(struct epoll_event): most events epoll_wait(2) takes

# select(2): what each of its three sets asks of poll.
FD_SETSIZE: Final = 1024  # glibc's; the kernel's own bound is the table's size
POLLIN_SET: Final = 0x00D9  # EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR
POLLOUT_SET: Final = 0x030C  # EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR
POLLEX_SET: Final = 0x0002  # EPOLLPRI
DEFAULT_POLLMASK: Final = 0x0145  # EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM: a file that has no poll

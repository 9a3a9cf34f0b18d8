"""A machine put together by hand: the structures of a listener, an accepted connection, a UDP socket, a
socket pair, and a connection in TIME-WAIT, with nothing of the protocols behind them. Views are tested
against it."""

from __future__ import annotations

from sockfs.structs.file import File
from sockfs.structs.inet_timewait_sock import InetTimewaitSock
from sockfs.structs.kernel import Kernel
from sockfs.structs.net_device import NetDevice, NetDeviceOps
from sockfs.structs.ops import CongestionOps, FileOperations, InetConnectionSockAfOps, Proto, ProtoOps
from sockfs.structs.sk_buff import SkBuff
from sockfs.structs.sock import Sock, SockCallback
from sockfs.structs.socket import Socket
from sockfs.structs.task import FilesStruct, Task
from sockfs.structs.tcp_sock import TcpSock
from sockfs.structs.timer import TimerList
from sockfs.structs.udp_sock import UdpSock
from sockfs.structs.unix_sock import UnixSock

LOCALHOST = 0x7F000001
SECOND = 1_000_000_000
tcp_prot, udp_prot, unix_prot = Proto("TCP", "TCP"), Proto("UDP", "UDP"), Proto("UNIX-STREAM", "UNIX")
callbacks = (
    SockCallback("sock_def_wakeup"),
    SockCallback("sock_def_readable"),
    SockCallback("sk_stream_write_space"),
    SockCallback("sock_def_error_report"),
)
socket_file_ops = FileOperations("socket_file_ops")
inet_stream_ops, inet_dgram_ops = ProtoOps(2, "inet_stream_ops"), ProtoOps(2, "inet_dgram_ops")
unix_stream_ops = ProtoOps(1, "unix_stream_ops")


class Machine:
    def __init__(self) -> None:
        self.k = Kernel(1, "hand")
        self.k.now = 100 * SECOND
        self.task = Task(self.k, 20852, "python3", FilesStruct(), self.k.init_net)
        self.k.tasks[20852] = self.task
        self.task.files.fdt = [None, None, None]
        self.ino = 174613
        self.cookie = 5
        lo = NetDevice(self.k.init_net, "lo", NetDeviceOps())
        lo.mtu, lo.flags, lo.type, lo.ifindex = 65536, 0x10049, 772, 1
        self.k.init_net.dev_by_index[1] = self.k.init_net.dev_by_name["lo"] = lo
        self.lo = lo

    def tcp(self, state: int, lport: int, rport: int = 0) -> TcpSock:
        sk = TcpSock(
            self.k,
            2,
            self.k.init_net,
            tcp_prot,
            callbacks,
            InetConnectionSockAfOps(20, 16),
            Cubic(),
        )
        sk.sk_type, sk.sk_protocol, sk.sk_state = 1, 6, state
        sk.sk_num = sk.inet_sport = lport
        sk.sk_rcv_saddr = sk.inet_saddr = LOCALHOST
        if rport:
            sk.sk_daddr, sk.sk_dport = LOCALHOST, rport
        sk.sk_cookie = self.cookie
        self.cookie += 1
        table = self.k.init_net.tcp_hashinfo
        (table.lhash2 if state == 10 else table.ehash)[lport << 16 | rport] = sk
        return sk

    def udp(self, lport: int, addr: int) -> UdpSock:
        sk = UdpSock(self.k, 2, self.k.init_net, udp_prot, callbacks)
        sk.sk_type, sk.sk_protocol, sk.sk_state = 2, 17, 7
        sk.sk_num = sk.inet_sport = lport
        sk.sk_rcv_saddr = addr
        self.k.init_net.udp_table.hash[lport] = sk
        return sk

    def unix(self) -> UnixSock:
        sk = UnixSock(self.k, 1, self.k.init_net, unix_prot, callbacks)
        sk.sk_type, sk.sk_state = 1, 1
        sk.sk_cookie = self.cookie
        self.cookie += 1
        self.k.init_net.unix_all[int(sk.sk_cookie)] = sk
        return sk

    def timewait(self, lport: int, rport: int, left: int) -> InetTimewaitSock:
        tw = InetTimewaitSock(2, self.k.init_net, tcp_prot)
        tw.sk_num, tw.sk_dport, tw.sk_rcv_saddr, tw.sk_daddr = lport, rport, LOCALHOST, LOCALHOST
        tw.sk_cookie = self.cookie
        tw.tw_timer = TimerList()
        tw.tw_timer.pending, tw.tw_timer.expires = True, self.k.now + left
        self.k.init_net.tcp_hashinfo.ehash[lport << 16 | rport] = tw
        return tw

    def install(self, sk: Sock, ops: ProtoOps, state: int = 1) -> File:
        """Give sk a Socket, a File and the next descriptor."""
        socket = Socket(self.k, self.ino)
        self.ino += 1
        socket.type, socket.state, socket.ops, socket.sk = sk.sk_type, state, ops, sk
        sk.sk_socket, sk.sk_wq = socket, socket.wq
        file = File(self.k, socket_file_ops, socket, 2, socket.i_ino)
        socket.file = file
        self.task.files.fdt.append(file)
        return file


class Cubic(CongestionOps):
    def __init__(self) -> None:
        super().__init__("cubic")


def queue(sk: Sock, data: bytes) -> SkBuff:
    """Put data on sk's receive queue."""
    skb = SkBuff()
    skb.data, skb.headlen, skb.len = data, len(data), len(data)
    head = sk.sk_receive_queue
    head.first = head.last = skb
    head.qlen = 1
    skb.on_list = head
    return skb


def machine() -> Machine:
    """What the recorded outputs in these tests show."""
    m = Machine()
    listener = m.tcp(10, 18080)
    listener.sk_max_ack_backlog = 128
    listener.sk_rcvbuf, listener.sk_sndbuf = 131072, 16384
    m.install(listener, inet_stream_ops)
    server = m.tcp(1, 18080, 43290)
    client = m.tcp(1, 43290, 18080)
    m.install(client, inet_stream_ops, 3)
    m.install(server, inet_stream_ops, 3)
    queue(server, b"x" * 1000)
    server.rcv_nxt, server.copied_seq = 400, (400 - 1000) & 0xFFFFFFFF
    server.sk_rmem_alloc, server.sk_rcvbuf, server.sk_sndbuf, server.sk_forward_alloc = (
        1832,
        131072,
        3939840,
        2264,
    )
    m.timewait(43298, 18080, 59_900_000_000)
    udp = m.udp(15353, 0)
    udp.sk_rmem_alloc, udp.sk_forward_alloc = 832, 3264
    m.install(udp, inet_dgram_ops)
    connected = m.udp(48464, LOCALHOST)
    connected.sk_daddr, connected.sk_dport, connected.sk_state = LOCALHOST, 15353, 1
    m.install(connected, inet_dgram_ops, 3)
    one, two = m.unix(), m.unix()
    one.peer, two.peer = two, one
    m.ino = 174618
    m.install(one, unix_stream_ops, 3)
    m.install(two, unix_stream_ops, 3)
    queue(two, b"abc")
    one.sk_wmem_alloc = 768
    return m

"""Numbers of TCP: socket options, states, header flags, header options, the layout of tcp_info.

Kernel counterpart: include/uapi/linux/tcp.h and, for states, flags and header options, what every
drawing of it uses (net/tcp_states.h, net/tcp.h); tcp(7), RFC 9293, RFC 7323, RFC 2018, RFC 7413.
The state changes in one place only, net/ipv4/tcp.py tcp_set_state.
"""

from __future__ import annotations

from typing import Final

# States, as ss(8) and /proc/net/tcp number them.
TCP_ESTABLISHED: Final = 1
TCP_SYN_SENT: Final = 2
TCP_SYN_RECV: Final = 3
TCP_FIN_WAIT1: Final = 4
TCP_FIN_WAIT2: Final = 5
TCP_TIME_WAIT: Final = 6
TCP_CLOSE: Final = 7
TCP_CLOSE_WAIT: Final = 8
TCP_LAST_ACK: Final = 9
TCP_LISTEN: Final = 10
TCP_CLOSING: Final = 11
TCP_NEW_SYN_RECV: Final = 12  # the request minisock, which /proc shows as SYN_RECV
TCP_BOUND_INACTIVE: Final = 13  # only an answer of sock_diag, never a state of a sock
TCP_MAX_STATES: Final = 14
TCP_STATE_MASK: Final = 0xF
TCP_ACTION_FIN: Final = 128  # bit 7 beside the new state in the close table: a FIN has to go out

TCP_STATE_NAMES: Final[dict[int, str]] = {
    TCP_ESTABLISHED: "ESTABLISHED",
    TCP_SYN_SENT: "SYN_SENT",
    TCP_SYN_RECV: "SYN_RECV",
    TCP_FIN_WAIT1: "FIN_WAIT1",
    TCP_FIN_WAIT2: "FIN_WAIT2",
    TCP_TIME_WAIT: "TIME_WAIT",
    TCP_CLOSE: "CLOSE",
    TCP_CLOSE_WAIT: "CLOSE_WAIT",
    TCP_LAST_ACK: "LAST_ACK",
    TCP_LISTEN: "LISTEN",
    TCP_CLOSING: "CLOSING",
    TCP_NEW_SYN_RECV: "NEW_SYN_RECV",
    TCP_BOUND_INACTIVE: "BOUND_INACTIVE",
}

# The same states as bits, for sets of states: `(1 << sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)`.
TCPF_ESTABLISHED: Final = 1 << 1
TCPF_SYN_SENT: Final = 1 << 2
TCPF_SYN_RECV: Final = 1 << 3
TCPF_FIN_WAIT1: Final = 1 << 4
TCPF_FIN_WAIT2: Final = 1 << 5
TCPF_TIME_WAIT: Final = 1 << 6
TCPF_CLOSE: Final = 1 << 7
TCPF_CLOSE_WAIT: Final = 1 << 8
TCPF_LAST_ACK: Final = 1 << 9
TCPF_LISTEN: Final = 1 << 10
TCPF_CLOSING: Final = 1 << 11
TCPF_NEW_SYN_RECV: Final = 1 << 12
TCPF_BOUND_INACTIVE: Final = 1 << 13

# States of loss recovery (tcpi_ca_state).
TCP_CA_Open: Final = 0
TCP_CA_Disorder: Final = 1
TCP_CA_CWR: Final = 2
TCP_CA_Recovery: Final = 3
TCP_CA_Loss: Final = 4
TCPF_CA_Open: Final = 1 << 0
TCPF_CA_Disorder: Final = 1 << 1
TCPF_CA_CWR: Final = 1 << 2
TCPF_CA_Recovery: Final = 1 << 3
TCPF_CA_Loss: Final = 1 << 4
TCP_CA_NAMES: Final[list[str]] = ["Open", "Disorder", "CWR", "Recovery", "Loss"]
TCP_CA_NAME_MAX: Final = 16  # length of the name TCP_CONGESTION takes, with its NUL

# Flags of the header: byte 13, and AE, the lowest bit of byte 12 (RFC 9293, RFC 3168, RFC 9768).
TCPHDR_FIN: Final = 0x01
TCPHDR_SYN: Final = 0x02
TCPHDR_RST: Final = 0x04
TCPHDR_PSH: Final = 0x08
TCPHDR_ACK: Final = 0x10
TCPHDR_URG: Final = 0x20
TCPHDR_ECE: Final = 0x40
TCPHDR_CWR: Final = 0x80
TCPHDR_AE: Final = 0x100
TCPHDR_FLAGS_MASK: Final = 0x1FF
TCPHDR_ACE: Final = 0x1C0
TCPHDR_SYN_ECN: Final = 0xC2
TCPHDR_SYNACK: Final = 0x12

# Header options (RFC 9293, 7323, 2018, 2385, 5925, 7413, 6994).
TCPOPT_EOL: Final = 0
TCPOPT_NOP: Final = 1
TCPOPT_MSS: Final = 2
TCPOPT_WINDOW: Final = 3
TCPOPT_SACK_PERM: Final = 4
TCPOPT_SACK: Final = 5
TCPOPT_TIMESTAMP: Final = 8
TCPOPT_MD5SIG: Final = 19
TCPOPT_AO: Final = 29
TCPOPT_MPTCP: Final = 30
TCPOPT_FASTOPEN: Final = 34
TCPOPT_ACCECN0: Final = 172
TCPOPT_ACCECN1: Final = 174
TCPOPT_EXP: Final = 254
TCPOPT_FASTOPEN_MAGIC: Final = 0xF989
TCPOLEN_MSS: Final = 4
TCPOLEN_WINDOW: Final = 3
TCPOLEN_SACK_PERM: Final = 2
TCPOLEN_TIMESTAMP: Final = 10
TCPOLEN_MD5SIG: Final = 18
TCPOLEN_FASTOPEN_BASE: Final = 2
TCPOLEN_EXP_FASTOPEN_BASE: Final = 4
# The same, padded with NOPs to a multiple of four as Linux sends them.
TCPOLEN_TSTAMP_ALIGNED: Final = 12
TCPOLEN_WSCALE_ALIGNED: Final = 4
TCPOLEN_SACKPERM_ALIGNED: Final = 4
TCPOLEN_SACK_BASE: Final = 2
TCPOLEN_SACK_BASE_ALIGNED: Final = 4
TCPOLEN_SACK_PERBLOCK: Final = 8
TCPOLEN_MD5SIG_ALIGNED: Final = 20
TCPOLEN_MSS_ALIGNED: Final = 4
TCP_NUM_SACKS: Final = 4
TCP_FASTOPEN_COOKIE_MIN: Final = 4
TCP_FASTOPEN_COOKIE_MAX: Final = 16
TCP_FASTOPEN_COOKIE_SIZE: Final = 8

# What a congestion control is told (its cwnd_event and in_ack_event).
CA_EVENT_TX_START: Final = 0
CA_EVENT_CWND_RESTART: Final = 1
CA_EVENT_COMPLETE_CWR: Final = 2
CA_EVENT_LOSS: Final = 3
CA_EVENT_ECN_NO_CE: Final = 4
CA_EVENT_ECN_IS_CE: Final = 5
CA_ACK_SLOWPATH: Final = 1
CA_ACK_WIN_UPDATE: Final = 2
CA_ACK_ECE: Final = 4

# Inside TCP: the delayed ACK's state (icsk_ack.pending), what icsk_pending waits for, the marks of a
# segment in the retransmit queue (tcp_skb_cb sacked), work put off while a call owns the sock
# (sk_tsq_flags, bit numbers), why sending stands still, kinds of SYN-ACK, answers of TIME-WAIT.
ICSK_ACK_SCHED: Final = 1
ICSK_ACK_TIMER: Final = 2
ICSK_ACK_PUSHED: Final = 4
ICSK_ACK_PUSHED2: Final = 8
ICSK_ACK_NOW: Final = 16
ICSK_ACK_NOMEM: Final = 32
ICSK_TIME_RETRANS: Final = 1
ICSK_TIME_DACK: Final = 2
ICSK_TIME_PROBE0: Final = 3
ICSK_TIME_LOSS_PROBE: Final = 5
ICSK_TIME_REO_TIMEOUT: Final = 6
TCPCB_SACKED_ACKED: Final = 1
TCPCB_SACKED_RETRANS: Final = 2
TCPCB_LOST: Final = 4
TCPCB_TAGBITS: Final = 7
TCPCB_REPAIRED: Final = 16
TCPCB_EVER_RETRANS: Final = 128
TCPCB_RETRANS: Final = 146
TSQ_THROTTLED: Final = 0
TSQ_QUEUED: Final = 1
TCP_TSQ_DEFERRED: Final = 2
TCP_WRITE_TIMER_DEFERRED: Final = 3
TCP_DELACK_TIMER_DEFERRED: Final = 4
TCP_MTU_REDUCED_DEFERRED: Final = 5
TCP_ACK_DEFERRED: Final = 6
TCP_CHRONO_UNSPEC: Final = 0
TCP_CHRONO_BUSY: Final = 1
TCP_CHRONO_RWND_LIMITED: Final = 2
TCP_CHRONO_SNDBUF_LIMITED: Final = 3
TCP_SYNACK_NORMAL: Final = 0
TCP_SYNACK_FASTOPEN: Final = 1
TCP_SYNACK_COOKIE: Final = 2
TCP_TW_SUCCESS: Final = 0
TCP_TW_RST: Final = 1
TCP_TW_ACK: Final = 2
TCP_TW_SYN: Final = 3
TCP_TW_ACK_OOW: Final = 4

# Sizes and defaults.
TCP_HDRLEN: Final = 20  # without options
TCP_MAX_HDRLEN: Final = 60
MAX_TCP_OPTION_SPACE: Final = 40
MAX_TCP_WINDOW: Final = 32767
TCP_MAX_WSCALE: Final = 14  # RFC 7323 section 2.3
TCP_MSS_DEFAULT: Final = 536
TCP_MSS_DESIRED: Final = 1220

# Socket options of level IPPROTO_TCP.
TCP_NODELAY: Final = 1
TCP_MAXSEG: Final = 2
TCP_CORK: Final = 3
TCP_KEEPIDLE: Final = 4
TCP_KEEPINTVL: Final = 5
TCP_KEEPCNT: Final = 6
TCP_SYNCNT: Final = 7
TCP_LINGER2: Final = 8
TCP_DEFER_ACCEPT: Final = 9
TCP_WINDOW_CLAMP: Final = 10
TCP_INFO: Final = 11
TCP_QUICKACK: Final = 12
TCP_CONGESTION: Final = 13
TCP_MD5SIG: Final = 14
TCP_THIN_LINEAR_TIMEOUTS: Final = 16
TCP_THIN_DUPACK: Final = 17
TCP_USER_TIMEOUT: Final = 18
TCP_REPAIR: Final = 19
TCP_REPAIR_QUEUE: Final = 20
TCP_QUEUE_SEQ: Final = 21
TCP_REPAIR_OPTIONS: Final = 22
TCP_FASTOPEN: Final = 23
TCP_TIMESTAMP: Final = 24
TCP_NOTSENT_LOWAT: Final = 25
TCP_CC_INFO: Final = 26
TCP_SAVE_SYN: Final = 27
TCP_SAVED_SYN: Final = 28
TCP_REPAIR_WINDOW: Final = 29
TCP_FASTOPEN_CONNECT: Final = 30
TCP_ULP: Final = 31
TCP_MD5SIG_EXT: Final = 32
TCP_FASTOPEN_KEY: Final = 33
TCP_FASTOPEN_NO_COOKIE: Final = 34
TCP_ZEROCOPY_RECEIVE: Final = 35
TCP_CM_INQ: Final = 36
TCP_INQ: Final = 36
TCP_TX_DELAY: Final = 37
TCP_AO_ADD_KEY: Final = 38
TCP_AO_DEL_KEY: Final = 39
TCP_AO_INFO: Final = 40
TCP_AO_GET_KEYS: Final = 41
TCP_AO_REPAIR: Final = 42
TCP_IS_MPTCP: Final = 43
TCP_RTO_MAX_MS: Final = 44
TCP_RTO_MIN_US: Final = 45
TCP_DELACK_MAX_US: Final = 46
TCP_REPAIR_OFF_NO_WP: Final = -1
TCP_REPAIR_OFF: Final = 0
TCP_REPAIR_ON: Final = 1
TCP_NO_QUEUE: Final = 0
TCP_RECV_QUEUE: Final = 1
TCP_SEND_QUEUE: Final = 2
MAX_TCP_KEEPIDLE: Final = 32767
MAX_TCP_KEEPINTVL: Final = 32767
MAX_TCP_KEEPCNT: Final = 127
MAX_TCP_SYNCNT: Final = 127

# Bits of tcpi_options.
TCPI_OPT_TIMESTAMPS: Final = 1
TCPI_OPT_SACK: Final = 2
TCPI_OPT_WSCALE: Final = 4
TCPI_OPT_ECN: Final = 8
TCPI_OPT_ECN_SEEN: Final = 16
TCPI_OPT_SYN_DATA: Final = 32
TCPI_OPT_USEC_TS: Final = 64
TCPI_OPT_TFO_CHILD: Final = 128

# tcpi_fastopen_client_fail.
TFO_STATUS_UNSPEC: Final = 0
TFO_COOKIE_UNAVAILABLE: Final = 1
TFO_DATA_NOT_ACKED: Final = 2
TFO_SYN_RETRANSMITTED: Final = 3

# Attributes of SCM_TIMESTAMPING_OPT_STATS.
TCP_NLA_PAD: Final = 0
TCP_NLA_BUSY: Final = 1
TCP_NLA_RWND_LIMITED: Final = 2
TCP_NLA_SNDBUF_LIMITED: Final = 3
TCP_NLA_DATA_SEGS_OUT: Final = 4
TCP_NLA_TOTAL_RETRANS: Final = 5
TCP_NLA_PACING_RATE: Final = 6
TCP_NLA_DELIVERY_RATE: Final = 7
TCP_NLA_SND_CWND: Final = 8
TCP_NLA_REORDERING: Final = 9
TCP_NLA_MIN_RTT: Final = 10
TCP_NLA_RECUR_RETRANS: Final = 11
TCP_NLA_DELIVERY_RATE_APP_LMT: Final = 12
TCP_NLA_SNDQ_SIZE: Final = 13
TCP_NLA_CA_STATE: Final = 14
TCP_NLA_SND_SSTHRESH: Final = 15
TCP_NLA_DELIVERED: Final = 16
TCP_NLA_DELIVERED_CE: Final = 17
TCP_NLA_BYTES_SENT: Final = 18
TCP_NLA_BYTES_RETRANS: Final = 19
TCP_NLA_DSACK_DUPS: Final = 20
TCP_NLA_REORD_SEEN: Final = 21
TCP_NLA_SRTT: Final = 22
TCP_NLA_TIMEOUT_REHASH: Final = 23
TCP_NLA_BYTES_NOTSENT: Final = 24
TCP_NLA_EDT: Final = 25
TCP_NLA_TTL: Final = 26
TCP_NLA_REHASH: Final = 27

# struct tcp_info of Linux 6.18: (name, offset in bytes, size in bytes). Two bytes hold bit fields:
# at 6 tcpi_snd_wscale (low four) and tcpi_rcv_wscale (high four), at 7 tcpi_delivery_rate_app_limited
# (bit 0) and tcpi_fastopen_client_fail (bits 1 and 2).
TCP_INFO_LAYOUT: Final[list[tuple[str, int, int]]] = [
    ("tcpi_state", 0, 1),
    ("tcpi_ca_state", 1, 1),
    ("tcpi_retransmits", 2, 1),
    ("tcpi_probes", 3, 1),
    ("tcpi_backoff", 4, 1),
    ("tcpi_options", 5, 1),
    ("tcpi_snd_wscale", 6, 1),
    ("tcpi_rcv_wscale", 6, 1),
    ("tcpi_delivery_rate_app_limited", 7, 1),
    ("tcpi_fastopen_client_fail", 7, 1),
    ("tcpi_rto", 8, 4),
    ("tcpi_ato", 12, 4),
    ("tcpi_snd_mss", 16, 4),
    ("tcpi_rcv_mss", 20, 4),
    ("tcpi_unacked", 24, 4),
    ("tcpi_sacked", 28, 4),
    ("tcpi_lost", 32, 4),
    ("tcpi_retrans", 36, 4),
    ("tcpi_fackets", 40, 4),
    ("tcpi_last_data_sent", 44, 4),
    ("tcpi_last_ack_sent", 48, 4),
    ("tcpi_last_data_recv", 52, 4),
    ("tcpi_last_ack_recv", 56, 4),
    ("tcpi_pmtu", 60, 4),
    ("tcpi_rcv_ssthresh", 64, 4),
    ("tcpi_rtt", 68, 4),
    ("tcpi_rttvar", 72, 4),
    ("tcpi_snd_ssthresh", 76, 4),
    ("tcpi_snd_cwnd", 80, 4),
    ("tcpi_advmss", 84, 4),
    ("tcpi_reordering", 88, 4),
    ("tcpi_rcv_rtt", 92, 4),
    ("tcpi_rcv_space", 96, 4),
    ("tcpi_total_retrans", 100, 4),
    ("tcpi_pacing_rate", 104, 8),
    ("tcpi_max_pacing_rate", 112, 8),
    ("tcpi_bytes_acked", 120, 8),
    ("tcpi_bytes_received", 128, 8),
    ("tcpi_segs_out", 136, 4),
    ("tcpi_segs_in", 140, 4),
    ("tcpi_notsent_bytes", 144, 4),
    ("tcpi_min_rtt", 148, 4),
    ("tcpi_data_segs_in", 152, 4),
    ("tcpi_data_segs_out", 156, 4),
    ("tcpi_delivery_rate", 160, 8),
    ("tcpi_busy_time", 168, 8),
    ("tcpi_rwnd_limited", 176, 8),
    ("tcpi_sndbuf_limited", 184, 8),
    ("tcpi_delivered", 192, 4),
    ("tcpi_delivered_ce", 196, 4),
    ("tcpi_bytes_sent", 200, 8),
    ("tcpi_bytes_retrans", 208, 8),
    ("tcpi_dsack_dups", 216, 4),
    ("tcpi_reord_seen", 220, 4),
    ("tcpi_rcv_ooopack", 224, 4),
    ("tcpi_snd_wnd", 228, 4),
    ("tcpi_rcv_wnd", 232, 4),
    ("tcpi_rehash", 236, 4),
    ("tcpi_total_rto", 240, 2),
    ("tcpi_total_rto_recoveries", 242, 2),
    ("tcpi_total_rto_time", 244, 4),
    ("tcpi_received_ce", 248, 4),
    ("tcpi_delivered_e1_bytes", 252, 4),
    ("tcpi_delivered_e0_bytes", 256, 4),
    ("tcpi_delivered_ce_bytes", 260, 4),
    ("tcpi_received_e1_bytes", 264, 4),
    ("tcpi_received_e0_bytes", 268, 4),
    ("tcpi_received_ce_bytes", 272, 4),
    ("tcpi_accecn_fail_mode", 276, 2),
    ("tcpi_accecn_opt_seen", 278, 2),
]
SIZEOF_TCP_INFO: Final = 280

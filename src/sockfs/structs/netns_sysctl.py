"""The sysctls of a network namespace, with the values of a stock kernel.

Kernel counterparts: `struct netns_core`, `netns_ipv4`, `netns_unix`; meanings: the kernel's
`networking/ip-sysctl` document. The field of `net.ipv4.tcp_rmem` is `net.ipv4.sysctl_tcp_rmem`;
`kernel/sysctl.py` reads and writes them by their path. Units are the document's (seconds, milliseconds,
bytes, pages).
"""

from __future__ import annotations

from mypy_extensions import i64


class NetnsCore:
    """`net.core.*`."""

    sysctl_busy_poll: i64
    sysctl_busy_read: i64
    sysctl_default_qdisc: str
    sysctl_max_skb_frags: i64
    sysctl_netdev_budget: i64
    sysctl_netdev_budget_usecs: i64
    sysctl_netdev_max_backlog: i64
    sysctl_optmem_max: i64
    sysctl_rmem_default: i64
    sysctl_rmem_max: i64
    sysctl_somaxconn: i64
    sysctl_txrehash: i64
    sysctl_wmem_default: i64
    sysctl_wmem_max: i64

    def __init__(self) -> None:
        self.sysctl_busy_poll = 0
        self.sysctl_busy_read = 0
        self.sysctl_default_qdisc = "pfifo_fast"
        self.sysctl_max_skb_frags = 17
        self.sysctl_netdev_budget = 300
        self.sysctl_netdev_budget_usecs = 8000
        self.sysctl_netdev_max_backlog = 1000
        self.sysctl_optmem_max = 131072
        self.sysctl_rmem_default = 212992
        self.sysctl_rmem_max = 4194304
        self.sysctl_somaxconn = 4096
        self.sysctl_txrehash = 1
        self.sysctl_wmem_default = 212992
        self.sysctl_wmem_max = 4194304


class NetnsIpv4:
    """`net.ipv4.*`."""

    sysctl_cipso_cache_bucket_size: i64
    sysctl_cipso_cache_enable: i64
    sysctl_cipso_rbm_optfmt: i64
    sysctl_cipso_rbm_strictvalid: i64
    sysctl_fib_multipath_hash_fields: i64
    sysctl_fib_multipath_hash_policy: i64
    sysctl_fib_multipath_hash_seed: i64
    sysctl_fib_multipath_use_neigh: i64
    sysctl_fib_notify_on_flag_change: i64
    sysctl_fib_sync_mem: i64
    sysctl_fwmark_reflect: i64
    sysctl_icmp_echo_enable_probe: i64
    sysctl_icmp_echo_ignore_all: i64
    sysctl_icmp_echo_ignore_broadcasts: i64
    sysctl_icmp_errors_use_inbound_ifaddr: i64
    sysctl_icmp_ignore_bogus_error_responses: i64
    sysctl_icmp_msgs_burst: i64
    sysctl_icmp_msgs_per_sec: i64
    sysctl_icmp_ratelimit: i64
    sysctl_icmp_ratemask: i64
    sysctl_igmp_link_local_mcast_reports: i64
    sysctl_igmp_max_memberships: i64
    sysctl_igmp_max_msf: i64
    sysctl_igmp_qrv: i64
    sysctl_inet_peer_maxttl: i64
    sysctl_inet_peer_minttl: i64
    sysctl_inet_peer_threshold: i64
    sysctl_ip_autobind_reuse: i64
    sysctl_ip_default_ttl: i64
    sysctl_ip_dynaddr: i64
    sysctl_ip_early_demux: i64
    sysctl_ip_forward: i64
    sysctl_ip_forward_update_priority: i64
    sysctl_ip_forward_use_pmtu: i64
    sysctl_ip_local_port_range: list[int]
    sysctl_ip_local_reserved_ports: str
    sysctl_ip_no_pmtu_disc: i64
    sysctl_ip_nonlocal_bind: i64
    sysctl_ip_unprivileged_port_start: i64
    sysctl_ipfrag_high_thresh: i64
    sysctl_ipfrag_low_thresh: i64
    sysctl_ipfrag_max_dist: i64
    sysctl_ipfrag_secret_interval: i64
    sysctl_ipfrag_time: i64
    sysctl_nexthop_compat_mode: i64
    sysctl_ping_group_range: list[int]
    sysctl_raw_l3mdev_accept: i64
    sysctl_tcp_abort_on_overflow: i64
    sysctl_tcp_adv_win_scale: i64
    sysctl_tcp_allowed_congestion_control: str
    sysctl_tcp_app_win: i64
    sysctl_tcp_autocorking: i64
    sysctl_tcp_available_congestion_control: str
    sysctl_tcp_available_ulp: str
    sysctl_tcp_backlog_ack_defer: i64
    sysctl_tcp_base_mss: i64
    sysctl_tcp_challenge_ack_limit: i64
    sysctl_tcp_child_ehash_entries: i64
    sysctl_tcp_comp_sack_delay_ns: i64
    sysctl_tcp_comp_sack_nr: i64
    sysctl_tcp_comp_sack_slack_ns: i64
    sysctl_tcp_congestion_control: str
    sysctl_tcp_dsack: i64
    sysctl_tcp_early_demux: i64
    sysctl_tcp_early_retrans: i64
    sysctl_tcp_ecn: i64
    sysctl_tcp_ecn_fallback: i64
    sysctl_tcp_ecn_option: i64
    sysctl_tcp_ecn_option_beacon: i64
    sysctl_tcp_ehash_entries: i64
    sysctl_tcp_fack: i64
    sysctl_tcp_fastopen: i64
    sysctl_tcp_fastopen_blackhole_timeout_sec: i64
    sysctl_tcp_fastopen_key: str
    sysctl_tcp_fin_timeout: i64
    sysctl_tcp_frto: i64
    sysctl_tcp_fwmark_accept: i64
    sysctl_tcp_invalid_ratelimit: i64
    sysctl_tcp_keepalive_intvl: i64
    sysctl_tcp_keepalive_probes: i64
    sysctl_tcp_keepalive_time: i64
    sysctl_tcp_l3mdev_accept: i64
    sysctl_tcp_limit_output_bytes: i64
    sysctl_tcp_low_latency: i64
    sysctl_tcp_max_orphans: i64
    sysctl_tcp_max_reordering: i64
    sysctl_tcp_max_syn_backlog: i64
    sysctl_tcp_max_tw_buckets: i64
    sysctl_tcp_mem: list[int]
    sysctl_tcp_migrate_req: i64
    sysctl_tcp_min_rtt_wlen: i64
    sysctl_tcp_min_snd_mss: i64
    sysctl_tcp_min_tso_segs: i64
    sysctl_tcp_moderate_rcvbuf: i64
    sysctl_tcp_mtu_probe_floor: i64
    sysctl_tcp_mtu_probing: i64
    sysctl_tcp_no_metrics_save: i64
    sysctl_tcp_no_ssthresh_metrics_save: i64
    sysctl_tcp_notsent_lowat: i64
    sysctl_tcp_orphan_retries: i64
    sysctl_tcp_pacing_ca_ratio: i64
    sysctl_tcp_pacing_ss_ratio: i64
    sysctl_tcp_pingpong_thresh: i64
    sysctl_tcp_plb_cong_thresh: i64
    sysctl_tcp_plb_enabled: i64
    sysctl_tcp_plb_idle_rehash_rounds: i64
    sysctl_tcp_plb_rehash_rounds: i64
    sysctl_tcp_plb_suspend_rto_sec: i64
    sysctl_tcp_probe_interval: i64
    sysctl_tcp_probe_threshold: i64
    sysctl_tcp_recovery: i64
    sysctl_tcp_reflect_tos: i64
    sysctl_tcp_reordering: i64
    sysctl_tcp_retrans_collapse: i64
    sysctl_tcp_retries1: i64
    sysctl_tcp_retries2: i64
    sysctl_tcp_rfc1337: i64
    sysctl_tcp_rmem: list[int]
    sysctl_tcp_rto_max_ms: i64
    sysctl_tcp_rto_min_us: i64
    sysctl_tcp_sack: i64
    sysctl_tcp_shrink_window: i64
    sysctl_tcp_slow_start_after_idle: i64
    sysctl_tcp_stdurg: i64
    sysctl_tcp_syn_linear_timeouts: i64
    sysctl_tcp_syn_retries: i64
    sysctl_tcp_synack_retries: i64
    sysctl_tcp_syncookies: i64
    sysctl_tcp_thin_linear_timeouts: i64
    sysctl_tcp_timestamps: i64
    sysctl_tcp_tso_rtt_log: i64
    sysctl_tcp_tso_win_divisor: i64
    sysctl_tcp_tw_reuse: i64
    sysctl_tcp_tw_reuse_delay: i64
    sysctl_tcp_window_scaling: i64
    sysctl_tcp_wmem: list[int]
    sysctl_tcp_workaround_signed_windows: i64
    sysctl_udp_child_hash_entries: i64
    sysctl_udp_early_demux: i64
    sysctl_udp_hash_entries: i64
    sysctl_udp_l3mdev_accept: i64
    sysctl_udp_mem: list[int]
    sysctl_udp_rmem_min: i64
    sysctl_udp_wmem_min: i64
    sysctl_xfrm4_gc_thresh: i64

    def __init__(self) -> None:
        self.sysctl_cipso_cache_bucket_size = 10
        self.sysctl_cipso_cache_enable = 1
        self.sysctl_cipso_rbm_optfmt = 0
        self.sysctl_cipso_rbm_strictvalid = 1
        self.sysctl_fib_multipath_hash_fields = 7
        self.sysctl_fib_multipath_hash_policy = 0
        self.sysctl_fib_multipath_hash_seed = 0
        self.sysctl_fib_multipath_use_neigh = 0
        self.sysctl_fib_notify_on_flag_change = 0
        self.sysctl_fib_sync_mem = 524288
        self.sysctl_fwmark_reflect = 0
        self.sysctl_icmp_echo_enable_probe = 0
        self.sysctl_icmp_echo_ignore_all = 0
        self.sysctl_icmp_echo_ignore_broadcasts = 1
        self.sysctl_icmp_errors_use_inbound_ifaddr = 0
        self.sysctl_icmp_ignore_bogus_error_responses = 1
        self.sysctl_icmp_msgs_burst = 50
        self.sysctl_icmp_msgs_per_sec = 1000
        self.sysctl_icmp_ratelimit = 1000
        self.sysctl_icmp_ratemask = 6168
        self.sysctl_igmp_link_local_mcast_reports = 1
        self.sysctl_igmp_max_memberships = 20
        self.sysctl_igmp_max_msf = 10
        self.sysctl_igmp_qrv = 2
        self.sysctl_inet_peer_maxttl = 600
        self.sysctl_inet_peer_minttl = 120
        self.sysctl_inet_peer_threshold = 65664
        self.sysctl_ip_autobind_reuse = 0
        self.sysctl_ip_default_ttl = 64
        self.sysctl_ip_dynaddr = 0
        self.sysctl_ip_early_demux = 1
        self.sysctl_ip_forward = 0
        self.sysctl_ip_forward_update_priority = 1
        self.sysctl_ip_forward_use_pmtu = 0
        self.sysctl_ip_local_port_range = [32768, 60999]
        self.sysctl_ip_local_reserved_ports = ""
        self.sysctl_ip_no_pmtu_disc = 0
        self.sysctl_ip_nonlocal_bind = 0
        self.sysctl_ip_unprivileged_port_start = 1024
        self.sysctl_ipfrag_high_thresh = 4194304
        self.sysctl_ipfrag_low_thresh = 3145728
        self.sysctl_ipfrag_max_dist = 64
        self.sysctl_ipfrag_secret_interval = 0
        self.sysctl_ipfrag_time = 30
        self.sysctl_nexthop_compat_mode = 1
        self.sysctl_ping_group_range = [1, 0]
        self.sysctl_raw_l3mdev_accept = 1
        self.sysctl_tcp_abort_on_overflow = 0
        self.sysctl_tcp_adv_win_scale = 1
        self.sysctl_tcp_allowed_congestion_control = "reno cubic"
        self.sysctl_tcp_app_win = 31
        self.sysctl_tcp_autocorking = 1
        self.sysctl_tcp_available_congestion_control = "reno cubic"
        self.sysctl_tcp_available_ulp = ""
        self.sysctl_tcp_backlog_ack_defer = 1
        self.sysctl_tcp_base_mss = 1024
        self.sysctl_tcp_challenge_ack_limit = 2147483647
        self.sysctl_tcp_child_ehash_entries = 0
        self.sysctl_tcp_comp_sack_delay_ns = 1000000
        self.sysctl_tcp_comp_sack_nr = 44
        self.sysctl_tcp_comp_sack_slack_ns = 100000
        self.sysctl_tcp_congestion_control = "cubic"
        self.sysctl_tcp_dsack = 1
        self.sysctl_tcp_early_demux = 1
        self.sysctl_tcp_early_retrans = 3
        self.sysctl_tcp_ecn = 2
        self.sysctl_tcp_ecn_fallback = 1
        self.sysctl_tcp_ecn_option = 2
        self.sysctl_tcp_ecn_option_beacon = 3
        self.sysctl_tcp_ehash_entries = 262144
        self.sysctl_tcp_fack = 0
        self.sysctl_tcp_fastopen = 1
        self.sysctl_tcp_fastopen_blackhole_timeout_sec = 0
        self.sysctl_tcp_fastopen_key = ""  # none set: random at first need
        self.sysctl_tcp_fin_timeout = 60
        self.sysctl_tcp_frto = 2
        self.sysctl_tcp_fwmark_accept = 0
        self.sysctl_tcp_invalid_ratelimit = 500
        self.sysctl_tcp_keepalive_intvl = 75
        self.sysctl_tcp_keepalive_probes = 9
        self.sysctl_tcp_keepalive_time = 7200
        self.sysctl_tcp_l3mdev_accept = 0
        self.sysctl_tcp_limit_output_bytes = 4194304
        self.sysctl_tcp_low_latency = 0
        self.sysctl_tcp_max_orphans = 131072
        self.sysctl_tcp_max_reordering = 300
        self.sysctl_tcp_max_syn_backlog = 2048
        self.sysctl_tcp_max_tw_buckets = 131072
        self.sysctl_tcp_mem = [287898, 383867, 575796]
        self.sysctl_tcp_migrate_req = 0
        self.sysctl_tcp_min_rtt_wlen = 300
        self.sysctl_tcp_min_snd_mss = 48
        self.sysctl_tcp_min_tso_segs = 2
        self.sysctl_tcp_moderate_rcvbuf = 1
        self.sysctl_tcp_mtu_probe_floor = 48
        self.sysctl_tcp_mtu_probing = 0
        self.sysctl_tcp_no_metrics_save = 0
        self.sysctl_tcp_no_ssthresh_metrics_save = 1
        self.sysctl_tcp_notsent_lowat = 4294967295
        self.sysctl_tcp_orphan_retries = 0
        self.sysctl_tcp_pacing_ca_ratio = 120
        self.sysctl_tcp_pacing_ss_ratio = 200
        self.sysctl_tcp_pingpong_thresh = 1
        self.sysctl_tcp_plb_cong_thresh = 128
        self.sysctl_tcp_plb_enabled = 0
        self.sysctl_tcp_plb_idle_rehash_rounds = 3
        self.sysctl_tcp_plb_rehash_rounds = 12
        self.sysctl_tcp_plb_suspend_rto_sec = 60
        self.sysctl_tcp_probe_interval = 600
        self.sysctl_tcp_probe_threshold = 8
        self.sysctl_tcp_recovery = 1
        self.sysctl_tcp_reflect_tos = 0
        self.sysctl_tcp_reordering = 3
        self.sysctl_tcp_retrans_collapse = 1
        self.sysctl_tcp_retries1 = 3
        self.sysctl_tcp_retries2 = 15
        self.sysctl_tcp_rfc1337 = 0
        self.sysctl_tcp_rmem = [4096, 131072, 33554432]
        self.sysctl_tcp_rto_max_ms = 120000
        self.sysctl_tcp_rto_min_us = 200000
        self.sysctl_tcp_sack = 1
        self.sysctl_tcp_shrink_window = 0
        self.sysctl_tcp_slow_start_after_idle = 1
        self.sysctl_tcp_stdurg = 0
        self.sysctl_tcp_syn_linear_timeouts = 4
        self.sysctl_tcp_syn_retries = 6
        self.sysctl_tcp_synack_retries = 5
        self.sysctl_tcp_syncookies = 1
        self.sysctl_tcp_thin_linear_timeouts = 0
        self.sysctl_tcp_timestamps = 1
        self.sysctl_tcp_tso_rtt_log = 9
        self.sysctl_tcp_tso_win_divisor = 3
        self.sysctl_tcp_tw_reuse = 2
        self.sysctl_tcp_tw_reuse_delay = 1000
        self.sysctl_tcp_window_scaling = 1
        self.sysctl_tcp_wmem = [4096, 16384, 4194304]
        self.sysctl_tcp_workaround_signed_windows = 0
        self.sysctl_udp_child_hash_entries = 0
        self.sysctl_udp_early_demux = 1
        self.sysctl_udp_hash_entries = 16384
        self.sysctl_udp_l3mdev_accept = 0
        self.sysctl_udp_mem = [575799, 767734, 1151598]
        self.sysctl_udp_rmem_min = 4096
        self.sysctl_udp_wmem_min = 4096
        self.sysctl_xfrm4_gc_thresh = 32768


class NetnsUnix:
    """`net.unix.*`."""

    sysctl_max_dgram_qlen: i64

    def __init__(self) -> None:
        self.sysctl_max_dgram_qlen = 10

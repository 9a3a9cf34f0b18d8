"""The map: every function and structure that drawings of the socket layer name stands under its kernel name
in the file that mirrors its kernel file. A row is a file of Linux, and what one looks for in it."""

from __future__ import annotations

import importlib

import pytest

import sockfs

FUNCTIONS = {
    "fs/file.c": (
        "get_unused_fd_flags put_unused_fd fd_install fget close_fd sys_dup sys_dup2 sys_dup3 alloc_fd"
    ),
    "fs/file_table.c": "alloc_file fput",
    "fs/fcntl.c": "sys_fcntl",
    "fs/ioctl.c": "sys_ioctl",
    "fs/read_write.c": "sys_read sys_write sys_readv sys_writev sys_sendfile",
    "fs/select.c": "sys_poll sys_ppoll sys_select sys_pselect6 do_sys_poll do_poll core_sys_select do_select",
    "fs/eventpoll.c": (
        "sys_epoll_create1 sys_epoll_ctl sys_epoll_wait ep_insert ep_poll ep_send_events ep_poll_callback"
    ),
    "fs/pipe.c": "sys_pipe sys_pipe2 pipe_read pipe_write pipe_poll",
    "fs/eventfd.c": "sys_eventfd sys_eventfd2 eventfd_read eventfd_write",
    "net/socket.c": (
        "sys_socket __sys_socket __sys_socket_create sock_create __sock_create sock_alloc sock_map_fd "
        "sock_alloc_file sockfd_lookup_light sock_release __sock_release sys_socketpair "
        "__sys_socketpair sys_bind __sys_bind sys_listen __sys_listen sys_accept4 __sys_accept4 "
        "do_accept sys_connect __sys_connect sys_getsockname __sys_getsockname sys_getpeername "
        "__sys_getpeername sys_sendto __sys_sendto sys_sendmsg __sys_sendmsg sys_sendmmsg "
        "__sys_sendmmsg sock_sendmsg sys_recvfrom __sys_recvfrom sys_recvmsg __sys_recvmsg "
        "sys_recvmmsg __sys_recvmmsg sock_recvmsg sys_setsockopt __sys_setsockopt sys_getsockopt "
        "__sys_getsockopt sys_shutdown __sys_shutdown sock_poll sock_ioctl sock_close sock_register "
        "socket_file_ops"
    ),
    "net/core/sock.c": (
        "sk_alloc sk_free sock_init_data lock_sock release_sock __release_sock sock_def_wakeup "
        "sock_def_readable sock_def_write_space sock_def_error_report sk_reset_timer sk_stop_timer "
        "sock_queue_rcv_skb_reason __sk_mem_schedule sock_gen_cookie"
    ),
    "net/core/sockopt.c": "sock_setsockopt sk_getsockopt",  # Linux: sock.c
    "net/core/skbuff.c": (
        "alloc_skb skb_clone consume_skb kfree_skb_reason skb_queue_tail skb_queue_head skb_dequeue "
        "skb_unlink skb_queue_purge skb_split skb_copy_bits"
    ),
    "net/core/datagram.c": "__skb_recv_datagram datagram_poll",
    "net/core/stream.c": (
        "sk_stream_write_space sk_stream_wait_connect sk_stream_wait_memory sk_stream_kill_queues "
        "sk_stream_error"
    ),
    "net/core/dev.c": (
        "dev_queue_xmit netif_rx netif_receive_skb process_backlog dev_hard_start_xmit "
        "register_netdevice dev_add_pack"
    ),
    "net/core/scm.c": "scm_fp_copy scm_detach_fds scm_send __scm_send scm_destroy",
    "net/core/secure_seq.c": "secure_tcp_seq secure_ipv4_port_ephemeral secure_tcp_ts_off",
    "net/ethernet/eth.c": "eth_type_trans",
    "net/ipv4/af_inet.c": (
        "inet_init inet_create inet_bind inet_listen inet_accept inet_stream_connect "
        "inet_dgram_connect inet_release inet_shutdown inet_getname inet_sendmsg inet_recvmsg "
        "inet_ioctl inetsw_array inet_stream_ops inet_dgram_ops inet_sockraw_ops"
    ),
    "net/ipv4/tcp.c": (
        "tcp_prot tcp_init_sock tcp_sendmsg tcp_sendmsg_locked tcp_recvmsg tcp_poll tcp_ioctl "
        "tcp_close __tcp_close tcp_shutdown tcp_disconnect tcp_abort tcp_set_state tcp_setsockopt "
        "tcp_getsockopt tcp_get_info"
    ),
    "net/ipv4/tcp_ipv4.c": (
        "tcp_prot ipv4_specific tcp_v4_init_sock tcp_v4_connect tcp_v4_rcv tcp_v4_do_rcv tcp_v4_err "
        "tcp_v4_conn_request tcp_v4_syn_recv_sock tcp_v4_send_reset tcp_v4_send_synack"
    ),
    "net/ipv4/tcp_input.c": (
        "tcp_rcv_established tcp_rcv_state_process tcp_rcv_synsent_state_process tcp_conn_request "
        "tcp_ack tcp_data_queue tcp_validate_incoming tcp_fin tcp_reset"
    ),
    "net/ipv4/tcp_output.c": (
        "tcp_transmit_skb tcp_write_xmit tcp_push_one __tcp_push_pending_frames tcp_retransmit_skb "
        "tcp_send_fin tcp_send_ack tcp_send_active_reset tcp_connect tcp_make_synack "
        "tcp_send_loss_probe tcp_write_wakeup tcp_send_probe0 tcp_sync_mss"
    ),
    "net/ipv4/tcp_timer.c": (
        "tcp_init_xmit_timers tcp_write_timer tcp_delack_timer tcp_keepalive_timer tcp_retransmit_timer"
    ),
    "net/ipv4/tcp_minisocks.c": (
        "tcp_time_wait tcp_timewait_state_process tcp_create_openreq_child tcp_check_req tcp_child_process"
    ),
    "net/ipv4/tcp_cong.c": "tcp_register_congestion_control tcp_slow_start tcp_cong_avoid_ai tcp_reno",
    "net/ipv4/tcp_cubic.c": "cubictcp bictcp_update",
    "net/ipv4/tcp_recovery.c": "tcp_rack_mark_lost tcp_rack_reo_timeout",
    "net/ipv4/tcp_rate.c": "tcp_rate_skb_sent tcp_rate_skb_delivered tcp_rate_gen",
    "net/ipv4/tcp_metrics.c": "tcp_update_metrics tcp_init_metrics",
    "net/ipv4/syncookies.c": "cookie_v4_check cookie_v4_init_sequence",
    "net/ipv4/inet_connection_sock.c": (
        "inet_csk_get_port inet_csk_accept inet_csk_listen_start inet_csk_listen_stop "
        "inet_csk_route_req inet_csk_complete_hashdance inet_csk_reqsk_queue_hash_add "
        "inet_csk_destroy_sock"
    ),
    "net/ipv4/inet_hashtables.c": (
        "inet_hash inet_unhash inet_hash_connect __inet_lookup_established __inet_lookup_listener"
    ),
    "net/ipv4/inet_timewait_sock.c": "inet_twsk_alloc inet_twsk_schedule inet_twsk_hashdance_schedule",
    "net/ipv4/udp.c": "udp_prot udp_sendmsg udp_recvmsg udp_rcv udp_err udp_poll udp_v4_get_port",
    "net/ipv4/raw.c": "raw_prot raw_sendmsg raw_recvmsg raw_rcv",
    "net/ipv4/ping.c": "ping_prot",
    "net/ipv4/icmp.c": "icmp_send icmp_rcv icmp_echo icmp_err",
    "net/ipv4/ip_input.c": "ip_rcv ip_rcv_finish ip_local_deliver",
    "net/ipv4/ip_output.c": (
        "ip_queue_xmit ip_local_out ip_output ip_finish_output ip_fragment ip_build_and_send_pkt "
        "ip_send_unicast_reply"
    ),
    "net/ipv4/ip_fragment.c": "ip_defrag",
    "net/ipv4/ip_sockglue.c": (
        "do_ip_setsockopt do_ip_getsockopt ip_cmsg_recv ip_cmsg_send ip_recv_error ip_icmp_error "
        "ip_local_error"
    ),
    "net/ipv4/route.c": "ip_route_output_key ip_route_output_flow ip_route_input ip_rt_update_pmtu",
    "net/ipv4/devinet.c": "devinet_init",
    "net/ipv4/fib_frontend.c": "ip_fib_init",
    "net/unix/af_unix.c": (
        "unix_create unix_bind unix_listen unix_accept unix_stream_connect unix_dgram_connect "
        "unix_socketpair unix_release unix_getname unix_shutdown unix_poll unix_stream_sendmsg "
        "unix_stream_recvmsg unix_dgram_sendmsg unix_dgram_recvmsg unix_stream_ops unix_dgram_ops "
        "unix_seqpacket_ops"
    ),
    "net/unix/garbage.c": "unix_gc unix_inflight unix_notinflight",
    "drivers/net/loopback.c": "loopback_xmit loopback_net_init",
    "kernel/time/timer.c": "mod_timer del_timer run_timers",
    "kernel/sched/wait.c": "add_wait_queue add_wait_queue_exclusive remove_wait_queue",
    "kernel/softirq.c": "do_softirq open_softirq",
    "mm/slab_common.c": "kmem_cache_create",
}
ELSEWHERE = {
    "fs/file_table.c": "fs.file",  # the system file table has no file of its own
    "drivers/net/loopback.c": "drivers.loopback",
    "kernel/time/timer.c": "kernel.timers",
    "kernel/sched/wait.c": "kernel.wait",
    "mm/slab_common.c": "kernel.slab",
}
STRUCTURES = {
    "task.Task": "files pid comm",
    "task.FilesStruct": "fdt open_fds close_on_exec next_fd",
    "file.File": "f_flags f_pos f_op private_data f_count f_mode f_owner",
    "socket.Socket": "state type flags wq file sk ops addr state_label",
    "sock.Sock": (
        "sk_prot sk_state sk_receive_queue sk_write_queue sk_error_queue sk_backlog sk_timer "
        "sk_socket sk_sndbuf sk_rcvbuf sk_rmem_alloc sk_wmem_alloc sk_wmem_queued sk_forward_alloc "
        "sk_err sk_err_soft sk_shutdown sk_wq sk_state_change sk_data_ready sk_write_space "
        "sk_error_report"
    ),
    "inet_sock.InetSock": "sk_daddr sk_rcv_saddr sk_num sk_dport",
    "inet_connection_sock.InetConnectionSock": (
        "icsk_accept_queue icsk_rto icsk_retransmits icsk_ca_ops icsk_af_ops"
    ),
    "tcp_sock.TcpSock": (
        "snd_una snd_nxt snd_wnd snd_cwnd snd_ssthresh rcv_nxt rcv_wnd srtt_us packets_out out_of_order_queue"
    ),
    "udp_sock.UdpSock": "",
    "raw_sock.RawSock": "",
    "unix_sock.UnixSock": "peer addr",
    "packet_sock.PacketSock": "",
    "request_sock.RequestSock": "",
    "inet_timewait_sock.InetTimewaitSock": "tw_substate",
    "sk_buff.SkBuff": "next prev sk dev data len truesize users frags protocol",
    "sk_buff.SkBuffHead": "qlen",
    "net_device.NetDevice": "name ifindex mtu flags features",
    "ops.ProtoOps": "",
    "ops.Proto": "name",
    "ops.FileOperations": "",
    "kernel.Kernel": "net_families inetsw slabs timers tasks",
}


@pytest.mark.parametrize("path", FUNCTIONS)
def test_functions_stand_in_the_file_that_mirrors_their_kernel_file(path: str) -> None:
    module = importlib.import_module(
        "sockfs." + ELSEWHERE.get(path, path.removesuffix(".c").replace("/", "."))
    )
    missing = [name for name in FUNCTIONS[path].split() if not hasattr(module, name)]
    assert not missing, f"{path}: {missing}"


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures_have_their_kernel_fields(name: str) -> None:
    file, cls = name.split(".")
    structure = getattr(importlib.import_module("sockfs.structs." + file), cls)
    fields = set(dir(structure)) | {
        n for base in structure.__mro__ for n in getattr(base, "__annotations__", {})
    }
    missing = [field for field in STRUCTURES[name].split() if field not in fields]
    assert not missing, f"{name}: {missing}"


def test_the_tables_of_a_machine_hold_them() -> None:
    from sockfs.net.ipv4 import af_inet, tcp, tcp_ipv4, udp

    k = sockfs.Kernel()
    assert tcp.tcp_prot is tcp_ipv4.tcp_prot
    family = k.net_families[2]
    assert family is not None
    stream = k.inetsw[1][-1]
    assert stream.prot is tcp.tcp_prot
    assert stream.ops is af_inet.inet_stream_ops
    assert udp.udp_prot in [line.prot for line in k.inetsw[2]]
    for (
        slab
    ) in "sock_inode_cache filp skbuff_head_cache TCP UDP RAW UNIX request_sock_TCP tw_sock_TCP".split():
        assert slab in k.slabs, slab

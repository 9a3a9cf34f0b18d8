#!/bin/sh
# What every script here assumes of the kernel.
ip tcp_metrics flush all > /dev/null 2>&1
sysctl -q net.ipv4.tcp_rmem="4096 131072 6291456"
sysctl -q net.ipv4.tcp_wmem="4096 262144 4194304"
sysctl -q net.ipv4.tcp_timestamps=1 net.ipv4.tcp_sack=1 net.ipv4.tcp_dsack=1 net.ipv4.tcp_window_scaling=1
sysctl -q net.ipv4.tcp_ecn=0 net.ipv4.tcp_congestion_control=cubic net.ipv4.tcp_slow_start_after_idle=1
sysctl -q net.ipv4.tcp_early_retrans=3 net.ipv4.tcp_recovery=1 net.ipv4.tcp_reordering=3
sysctl -q net.ipv4.tcp_fastopen=0x3 net.ipv4.tcp_fastopen_key=00112233-44556677-8899aabb-ccddeeff

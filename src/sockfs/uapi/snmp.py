"""Names of the counters, in the order /proc/net/snmp, /proc/net/netstat and /proc/net/snmp6 print them.

Kernel counterpart: include/uapi/linux/snmp.h, net/ipv4/proc.c; RFC 1213, RFC 4293, RFC 4022, RFC 4113; the
list and its order are those of Linux 6.18. A constant such as LINUX_MIB_TCPTIMEOUTS is the counter's place in
the list of its line, so counters are plain lists of integers: `net.tcpext[LINUX_MIB_TCPTIMEOUTS] += 1`.
IPSTATS_MIB_* are places in IPSTATS followed by IPEXT, since Linux keeps the two in one table. Entries
that are no counters (Forwarding, DefaultTTL, RtoAlgorithm, RtoMin, RtoMax, MaxConn) have places too.
"""

from __future__ import annotations

from typing import Final

# Line "Ip:" of /proc/net/snmp.
IPSTATS: Final[list[str]] = [
    "Forwarding",
    "DefaultTTL",
    "InReceives",
    "InHdrErrors",
    "InAddrErrors",
    "ForwDatagrams",
    "InUnknownProtos",
    "InDiscards",
    "InDelivers",
    "OutRequests",
    "OutDiscards",
    "OutNoRoutes",
    "ReasmTimeout",
    "ReasmReqds",
    "ReasmOKs",
    "ReasmFails",
    "FragOKs",
    "FragFails",
    "FragCreates",
    "OutTransmits",
]

# Line "Icmp:".
ICMP: Final[list[str]] = [
    "InMsgs",
    "InErrors",
    "InCsumErrors",
    "InDestUnreachs",
    "InTimeExcds",
    "InParmProbs",
    "InSrcQuenchs",
    "InRedirects",
    "InEchos",
    "InEchoReps",
    "InTimestamps",
    "InTimestampReps",
    "InAddrMasks",
    "InAddrMaskReps",
    "OutMsgs",
    "OutErrors",
    "OutRateLimitGlobal",
    "OutRateLimitHost",
    "OutDestUnreachs",
    "OutTimeExcds",
    "OutParmProbs",
    "OutSrcQuenchs",
    "OutRedirects",
    "OutEchos",
    "OutEchoReps",
    "OutTimestamps",
    "OutTimestampReps",
    "OutAddrMasks",
    "OutAddrMaskReps",
]

# Line "Tcp:".
TCP: Final[list[str]] = [
    "RtoAlgorithm",
    "RtoMin",
    "RtoMax",
    "MaxConn",
    "ActiveOpens",
    "PassiveOpens",
    "AttemptFails",
    "EstabResets",
    "CurrEstab",
    "InSegs",
    "OutSegs",
    "RetransSegs",
    "InErrs",
    "OutRsts",
    "InCsumErrors",
]

# Lines "Udp:" and "UdpLite:".
UDP: Final[list[str]] = [
    "InDatagrams",
    "NoPorts",
    "InErrors",
    "OutDatagrams",
    "RcvbufErrors",
    "SndbufErrors",
    "InCsumErrors",
    "IgnoredMulti",
    "MemErrors",
]
UDPLITE: Final[list[str]] = [
    "InDatagrams",
    "NoPorts",
    "InErrors",
    "OutDatagrams",
    "RcvbufErrors",
    "SndbufErrors",
    "InCsumErrors",
    "IgnoredMulti",
    "MemErrors",
]

# Line "TcpExt:" of /proc/net/netstat.
TCPEXT: Final[list[str]] = [
    "SyncookiesSent",
    "SyncookiesRecv",
    "SyncookiesFailed",
    "EmbryonicRsts",
    "PruneCalled",
    "RcvPruned",
    "OfoPruned",
    "OutOfWindowIcmps",
    "LockDroppedIcmps",
    "ArpFilter",
    "TW",
    "TWRecycled",
    "TWKilled",
    "PAWSActive",
    "PAWSEstab",
    "BeyondWindow",
    "TSEcrRejected",
    "PAWSOldAck",
    "PAWSTimewait",
    "DelayedACKs",
    "DelayedACKLocked",
    "DelayedACKLost",
    "ListenOverflows",
    "ListenDrops",
    "TCPHPHits",
    "TCPPureAcks",
    "TCPHPAcks",
    "TCPRenoRecovery",
    "TCPSackRecovery",
    "TCPSACKReneging",
    "TCPSACKReorder",
    "TCPRenoReorder",
    "TCPTSReorder",
    "TCPFullUndo",
    "TCPPartialUndo",
    "TCPDSACKUndo",
    "TCPLossUndo",
    "TCPLostRetransmit",
    "TCPRenoFailures",
    "TCPSackFailures",
    "TCPLossFailures",
    "TCPFastRetrans",
    "TCPSlowStartRetrans",
    "TCPTimeouts",
    "TCPLossProbes",
    "TCPLossProbeRecovery",
    "TCPRenoRecoveryFail",
    "TCPSackRecoveryFail",
    "TCPRcvCollapsed",
    "TCPBacklogCoalesce",
    "TCPDSACKOldSent",
    "TCPDSACKOfoSent",
    "TCPDSACKRecv",
    "TCPDSACKOfoRecv",
    "TCPAbortOnData",
    "TCPAbortOnClose",
    "TCPAbortOnMemory",
    "TCPAbortOnTimeout",
    "TCPAbortOnLinger",
    "TCPAbortFailed",
    "TCPMemoryPressures",
    "TCPMemoryPressuresChrono",
    "TCPSACKDiscard",
    "TCPDSACKIgnoredOld",
    "TCPDSACKIgnoredNoUndo",
    "TCPSpuriousRTOs",
    "TCPMD5NotFound",
    "TCPMD5Unexpected",
    "TCPMD5Failure",
    "TCPSackShifted",
    "TCPSackMerged",
    "TCPSackShiftFallback",
    "TCPBacklogDrop",
    "PFMemallocDrop",
    "TCPMinTTLDrop",
    "TCPDeferAcceptDrop",
    "IPReversePathFilter",
    "TCPTimeWaitOverflow",
    "TCPReqQFullDoCookies",
    "TCPReqQFullDrop",
    "TCPRetransFail",
    "TCPRcvCoalesce",
    "TCPOFOQueue",
    "TCPOFODrop",
    "TCPOFOMerge",
    "TCPChallengeACK",
    "TCPSYNChallenge",
    "TCPFastOpenActive",
    "TCPFastOpenActiveFail",
    "TCPFastOpenPassive",
    "TCPFastOpenPassiveFail",
    "TCPFastOpenListenOverflow",
    "TCPFastOpenCookieReqd",
    "TCPFastOpenBlackhole",
    "TCPSpuriousRtxHostQueues",
    "BusyPollRxPackets",
    "TCPAutoCorking",
    "TCPFromZeroWindowAdv",
    "TCPToZeroWindowAdv",
    "TCPWantZeroWindowAdv",
    "TCPSynRetrans",
    "TCPOrigDataSent",
    "TCPHystartTrainDetect",
    "TCPHystartTrainCwnd",
    "TCPHystartDelayDetect",
    "TCPHystartDelayCwnd",
    "TCPACKSkippedSynRecv",
    "TCPACKSkippedPAWS",
    "TCPACKSkippedSeq",
    "TCPACKSkippedFinWait2",
    "TCPACKSkippedTimeWait",
    "TCPACKSkippedChallenge",
    "TCPWinProbe",
    "TCPKeepAlive",
    "TCPMTUPFail",
    "TCPMTUPSuccess",
    "TCPDelivered",
    "TCPDeliveredCE",
    "TCPAckCompressed",
    "TCPZeroWindowDrop",
    "TCPRcvQDrop",
    "TCPWqueueTooBig",
    "TCPFastOpenPassiveAltKey",
    "TcpTimeoutRehash",
    "TcpDuplicateDataRehash",
    "TCPDSACKRecvSegs",
    "TCPDSACKIgnoredDubious",
    "TCPMigrateReqSuccess",
    "TCPMigrateReqFailure",
    "TCPPLBRehash",
    "TCPAORequired",
    "TCPAOBad",
    "TCPAOKeyNotFound",
    "TCPAOGood",
    "TCPAODroppedIcmps",
]

# Line "IpExt:".
IPEXT: Final[list[str]] = [
    "InNoRoutes",
    "InTruncatedPkts",
    "InMcastPkts",
    "OutMcastPkts",
    "InBcastPkts",
    "OutBcastPkts",
    "InOctets",
    "OutOctets",
    "InMcastOctets",
    "OutMcastOctets",
    "InBcastOctets",
    "OutBcastOctets",
    "InCsumErrors",
    "InNoECTPkts",
    "InECT1Pkts",
    "InECT0Pkts",
    "InCEPkts",
    "ReasmOverlaps",
]

# Lines of /proc/net/snmp6, without the prefix "Ip6", "Icmp6", "Udp6".
IP6: Final[list[str]] = [
    "InReceives",
    "InHdrErrors",
    "InTooBigErrors",
    "InNoRoutes",
    "InAddrErrors",
    "InUnknownProtos",
    "InTruncatedPkts",
    "InDiscards",
    "InDelivers",
    "OutForwDatagrams",
    "OutRequests",
    "OutDiscards",
    "OutNoRoutes",
    "ReasmTimeout",
    "ReasmReqds",
    "ReasmOKs",
    "ReasmFails",
    "FragOKs",
    "FragFails",
    "FragCreates",
    "InMcastPkts",
    "OutMcastPkts",
    "InOctets",
    "OutOctets",
    "InMcastOctets",
    "OutMcastOctets",
    "InBcastOctets",
    "OutBcastOctets",
    "InNoECTPkts",
    "InECT1Pkts",
    "InECT0Pkts",
    "InCEPkts",
    "OutTransmits",
]
ICMP6: Final[list[str]] = [
    "InMsgs",
    "InErrors",
    "OutMsgs",
    "OutErrors",
    "InCsumErrors",
    "OutRateLimitHost",
    "InDestUnreachs",
    "InPktTooBigs",
    "InTimeExcds",
    "InParmProblems",
    "InEchos",
    "InEchoReplies",
    "InGroupMembQueries",
    "InGroupMembResponses",
    "InGroupMembReductions",
    "InRouterSolicits",
    "InRouterAdvertisements",
    "InNeighborSolicits",
    "InNeighborAdvertisements",
    "InRedirects",
    "InMLDv2Reports",
    "OutDestUnreachs",
    "OutPktTooBigs",
    "OutTimeExcds",
    "OutParmProblems",
    "OutEchos",
    "OutEchoReplies",
    "OutGroupMembQueries",
    "OutGroupMembResponses",
    "OutGroupMembReductions",
    "OutRouterSolicits",
    "OutRouterAdvertisements",
    "OutNeighborSolicits",
    "OutNeighborAdvertisements",
    "OutRedirects",
    "OutMLDv2Reports",
]
UDP6: Final[list[str]] = [
    "InDatagrams",
    "NoPorts",
    "InErrors",
    "OutDatagrams",
    "RcvbufErrors",
    "SndbufErrors",
    "InCsumErrors",
    "IgnoredMulti",
    "MemErrors",
]
UDPLITE6: Final[list[str]] = [
    "InDatagrams",
    "NoPorts",
    "InErrors",
    "OutDatagrams",
    "RcvbufErrors",
    "SndbufErrors",
    "InCsumErrors",
    "MemErrors",
]

# Places in IPSTATS + IPEXT.
IPSTATS_MIB_INPKTS: Final = 2
IPSTATS_MIB_INHDRERRORS: Final = 3
IPSTATS_MIB_INADDRERRORS: Final = 4
IPSTATS_MIB_OUTFORWDATAGRAMS: Final = 5
IPSTATS_MIB_INUNKNOWNPROTOS: Final = 6
IPSTATS_MIB_INDISCARDS: Final = 7
IPSTATS_MIB_INDELIVERS: Final = 8
IPSTATS_MIB_OUTREQUESTS: Final = 9
IPSTATS_MIB_OUTDISCARDS: Final = 10
IPSTATS_MIB_OUTNOROUTES: Final = 11
IPSTATS_MIB_REASMTIMEOUT: Final = 12
IPSTATS_MIB_REASMREQDS: Final = 13
IPSTATS_MIB_REASMOKS: Final = 14
IPSTATS_MIB_REASMFAILS: Final = 15
IPSTATS_MIB_FRAGOKS: Final = 16
IPSTATS_MIB_FRAGFAILS: Final = 17
IPSTATS_MIB_FRAGCREATES: Final = 18
IPSTATS_MIB_OUTPKTS: Final = 19
IPSTATS_MIB_INNOROUTES: Final = 20
IPSTATS_MIB_INTRUNCATEDPKTS: Final = 21
IPSTATS_MIB_INMCASTPKTS: Final = 22
IPSTATS_MIB_OUTMCASTPKTS: Final = 23
IPSTATS_MIB_INBCASTPKTS: Final = 24
IPSTATS_MIB_OUTBCASTPKTS: Final = 25
IPSTATS_MIB_INOCTETS: Final = 26
IPSTATS_MIB_OUTOCTETS: Final = 27
IPSTATS_MIB_INMCASTOCTETS: Final = 28
IPSTATS_MIB_OUTMCASTOCTETS: Final = 29
IPSTATS_MIB_INBCASTOCTETS: Final = 30
IPSTATS_MIB_OUTBCASTOCTETS: Final = 31
IPSTATS_MIB_CSUMERRORS: Final = 32
IPSTATS_MIB_NOECTPKTS: Final = 33
IPSTATS_MIB_ECT1PKTS: Final = 34
IPSTATS_MIB_ECT0PKTS: Final = 35
IPSTATS_MIB_CEPKTS: Final = 36
IPSTATS_MIB_REASM_OVERLAPS: Final = 37
IPSTATS_MIB_INTOOBIGERRORS: Final = 38  # IPv6 only: no column in the lines of IPv4
IPSTATS_LEN: Final = 39

# Which of those places each name of IP6 prints.
IP6_PLACES: Final[list[int]] = [
    IPSTATS_MIB_INPKTS,
    IPSTATS_MIB_INHDRERRORS,
    IPSTATS_MIB_INTOOBIGERRORS,
    IPSTATS_MIB_INNOROUTES,
    IPSTATS_MIB_INADDRERRORS,
    IPSTATS_MIB_INUNKNOWNPROTOS,
    IPSTATS_MIB_INTRUNCATEDPKTS,
    IPSTATS_MIB_INDISCARDS,
    IPSTATS_MIB_INDELIVERS,
    IPSTATS_MIB_OUTFORWDATAGRAMS,
    IPSTATS_MIB_OUTREQUESTS,
    IPSTATS_MIB_OUTDISCARDS,
    IPSTATS_MIB_OUTNOROUTES,
    IPSTATS_MIB_REASMTIMEOUT,
    IPSTATS_MIB_REASMREQDS,
    IPSTATS_MIB_REASMOKS,
    IPSTATS_MIB_REASMFAILS,
    IPSTATS_MIB_FRAGOKS,
    IPSTATS_MIB_FRAGFAILS,
    IPSTATS_MIB_FRAGCREATES,
    IPSTATS_MIB_INMCASTPKTS,
    IPSTATS_MIB_OUTMCASTPKTS,
    IPSTATS_MIB_INOCTETS,
    IPSTATS_MIB_OUTOCTETS,
    IPSTATS_MIB_INMCASTOCTETS,
    IPSTATS_MIB_OUTMCASTOCTETS,
    IPSTATS_MIB_INBCASTOCTETS,
    IPSTATS_MIB_OUTBCASTOCTETS,
    IPSTATS_MIB_NOECTPKTS,
    IPSTATS_MIB_ECT1PKTS,
    IPSTATS_MIB_ECT0PKTS,
    IPSTATS_MIB_CEPKTS,
    IPSTATS_MIB_OUTPKTS,
]

# Places in ICMP6 of the first six, which are not counted by type.
ICMP6_MIB_INMSGS: Final = 0
ICMP6_MIB_INERRORS: Final = 1
ICMP6_MIB_OUTMSGS: Final = 2
ICMP6_MIB_OUTERRORS: Final = 3
ICMP6_MIB_CSUMERRORS: Final = 4
ICMP6_MIB_RATELIMITHOST: Final = 5


# Places in ICMP.
ICMP_MIB_INMSGS: Final = 0
ICMP_MIB_INERRORS: Final = 1
ICMP_MIB_CSUMERRORS: Final = 2
ICMP_MIB_INDESTUNREACHS: Final = 3
ICMP_MIB_INTIMEEXCDS: Final = 4
ICMP_MIB_INPARMPROBS: Final = 5
ICMP_MIB_INSRCQUENCHS: Final = 6
ICMP_MIB_INREDIRECTS: Final = 7
ICMP_MIB_INECHOS: Final = 8
ICMP_MIB_INECHOREPS: Final = 9
ICMP_MIB_INTIMESTAMPS: Final = 10
ICMP_MIB_INTIMESTAMPREPS: Final = 11
ICMP_MIB_INADDRMASKS: Final = 12
ICMP_MIB_INADDRMASKREPS: Final = 13
ICMP_MIB_OUTMSGS: Final = 14
ICMP_MIB_OUTERRORS: Final = 15
ICMP_MIB_RATELIMITGLOBAL: Final = 16
ICMP_MIB_RATELIMITHOST: Final = 17
ICMP_MIB_OUTDESTUNREACHS: Final = 18
ICMP_MIB_OUTTIMEEXCDS: Final = 19
ICMP_MIB_OUTPARMPROBS: Final = 20
ICMP_MIB_OUTSRCQUENCHS: Final = 21
ICMP_MIB_OUTREDIRECTS: Final = 22
ICMP_MIB_OUTECHOS: Final = 23
ICMP_MIB_OUTECHOREPS: Final = 24
ICMP_MIB_OUTTIMESTAMPS: Final = 25
ICMP_MIB_OUTTIMESTAMPREPS: Final = 26
ICMP_MIB_OUTADDRMASKS: Final = 27
ICMP_MIB_OUTADDRMASKREPS: Final = 28

# Places in TCP.
TCP_MIB_RTOALGORITHM: Final = 0
TCP_MIB_RTOMIN: Final = 1
TCP_MIB_RTOMAX: Final = 2
TCP_MIB_MAXCONN: Final = 3
TCP_MIB_ACTIVEOPENS: Final = 4
TCP_MIB_PASSIVEOPENS: Final = 5
TCP_MIB_ATTEMPTFAILS: Final = 6
TCP_MIB_ESTABRESETS: Final = 7
TCP_MIB_CURRESTAB: Final = 8
TCP_MIB_INSEGS: Final = 9
TCP_MIB_OUTSEGS: Final = 10
TCP_MIB_RETRANSSEGS: Final = 11
TCP_MIB_INERRS: Final = 12
TCP_MIB_OUTRSTS: Final = 13
TCP_MIB_CSUMERRORS: Final = 14

# Places in UDP and UDPLITE.
UDP_MIB_INDATAGRAMS: Final = 0
UDP_MIB_NOPORTS: Final = 1
UDP_MIB_INERRORS: Final = 2
UDP_MIB_OUTDATAGRAMS: Final = 3
UDP_MIB_RCVBUFERRORS: Final = 4
UDP_MIB_SNDBUFERRORS: Final = 5
UDP_MIB_CSUMERRORS: Final = 6
UDP_MIB_IGNOREDMULTI: Final = 7
UDP_MIB_MEMERRORS: Final = 8

# Places in TCPEXT.
LINUX_MIB_SYNCOOKIESSENT: Final = 0
LINUX_MIB_SYNCOOKIESRECV: Final = 1
LINUX_MIB_SYNCOOKIESFAILED: Final = 2
LINUX_MIB_EMBRYONICRSTS: Final = 3
LINUX_MIB_PRUNECALLED: Final = 4
LINUX_MIB_RCVPRUNED: Final = 5
LINUX_MIB_OFOPRUNED: Final = 6
LINUX_MIB_OUTOFWINDOWICMPS: Final = 7
LINUX_MIB_LOCKDROPPEDICMPS: Final = 8
LINUX_MIB_ARPFILTER: Final = 9
LINUX_MIB_TIMEWAITED: Final = 10
LINUX_MIB_TIMEWAITRECYCLED: Final = 11
LINUX_MIB_TIMEWAITKILLED: Final = 12
LINUX_MIB_PAWSACTIVEREJECTED: Final = 13
LINUX_MIB_PAWSESTABREJECTED: Final = 14
LINUX_MIB_BEYOND_WINDOW: Final = 15
LINUX_MIB_TSECRREJECTED: Final = 16
LINUX_MIB_PAWS_OLD_ACK: Final = 17
LINUX_MIB_PAWS_TW_REJECTED: Final = 18
LINUX_MIB_DELAYEDACKS: Final = 19
LINUX_MIB_DELAYEDACKLOCKED: Final = 20
LINUX_MIB_DELAYEDACKLOST: Final = 21
LINUX_MIB_LISTENOVERFLOWS: Final = 22
LINUX_MIB_LISTENDROPS: Final = 23
LINUX_MIB_TCPHPHITS: Final = 24
LINUX_MIB_TCPPUREACKS: Final = 25
LINUX_MIB_TCPHPACKS: Final = 26
LINUX_MIB_TCPRENORECOVERY: Final = 27
LINUX_MIB_TCPSACKRECOVERY: Final = 28
LINUX_MIB_TCPSACKRENEGING: Final = 29
LINUX_MIB_TCPSACKREORDER: Final = 30
LINUX_MIB_TCPRENOREORDER: Final = 31
LINUX_MIB_TCPTSREORDER: Final = 32
LINUX_MIB_TCPFULLUNDO: Final = 33
LINUX_MIB_TCPPARTIALUNDO: Final = 34
LINUX_MIB_TCPDSACKUNDO: Final = 35
LINUX_MIB_TCPLOSSUNDO: Final = 36
LINUX_MIB_TCPLOSTRETRANSMIT: Final = 37
LINUX_MIB_TCPRENOFAILURES: Final = 38
LINUX_MIB_TCPSACKFAILURES: Final = 39
LINUX_MIB_TCPLOSSFAILURES: Final = 40
LINUX_MIB_TCPFASTRETRANS: Final = 41
LINUX_MIB_TCPSLOWSTARTRETRANS: Final = 42
LINUX_MIB_TCPTIMEOUTS: Final = 43
LINUX_MIB_TCPLOSSPROBES: Final = 44
LINUX_MIB_TCPLOSSPROBERECOVERY: Final = 45
LINUX_MIB_TCPRENORECOVERYFAIL: Final = 46
LINUX_MIB_TCPSACKRECOVERYFAIL: Final = 47
LINUX_MIB_TCPRCVCOLLAPSED: Final = 48
LINUX_MIB_TCPBACKLOGCOALESCE: Final = 49
LINUX_MIB_TCPDSACKOLDSENT: Final = 50
LINUX_MIB_TCPDSACKOFOSENT: Final = 51
LINUX_MIB_TCPDSACKRECV: Final = 52
LINUX_MIB_TCPDSACKOFORECV: Final = 53
LINUX_MIB_TCPABORTONDATA: Final = 54
LINUX_MIB_TCPABORTONCLOSE: Final = 55
LINUX_MIB_TCPABORTONMEMORY: Final = 56
LINUX_MIB_TCPABORTONTIMEOUT: Final = 57
LINUX_MIB_TCPABORTONLINGER: Final = 58
LINUX_MIB_TCPABORTFAILED: Final = 59
LINUX_MIB_TCPMEMORYPRESSURES: Final = 60
LINUX_MIB_TCPMEMORYPRESSURESCHRONO: Final = 61
LINUX_MIB_TCPSACKDISCARD: Final = 62
LINUX_MIB_TCPDSACKIGNOREDOLD: Final = 63
LINUX_MIB_TCPDSACKIGNOREDNOUNDO: Final = 64
LINUX_MIB_TCPSPURIOUSRTOS: Final = 65
LINUX_MIB_TCPMD5NOTFOUND: Final = 66
LINUX_MIB_TCPMD5UNEXPECTED: Final = 67
LINUX_MIB_TCPMD5FAILURE: Final = 68
LINUX_MIB_SACKSHIFTED: Final = 69
LINUX_MIB_SACKMERGED: Final = 70
LINUX_MIB_SACKSHIFTFALLBACK: Final = 71
LINUX_MIB_TCPBACKLOGDROP: Final = 72
LINUX_MIB_PFMEMALLOCDROP: Final = 73
LINUX_MIB_TCPMINTTLDROP: Final = 74
LINUX_MIB_TCPDEFERACCEPTDROP: Final = 75
LINUX_MIB_IPRPFILTER: Final = 76
LINUX_MIB_TCPTIMEWAITOVERFLOW: Final = 77
LINUX_MIB_TCPREQQFULLDOCOOKIES: Final = 78
LINUX_MIB_TCPREQQFULLDROP: Final = 79
LINUX_MIB_TCPRETRANSFAIL: Final = 80
LINUX_MIB_TCPRCVCOALESCE: Final = 81
LINUX_MIB_TCPOFOQUEUE: Final = 82
LINUX_MIB_TCPOFODROP: Final = 83
LINUX_MIB_TCPOFOMERGE: Final = 84
LINUX_MIB_TCPCHALLENGEACK: Final = 85
LINUX_MIB_TCPSYNCHALLENGE: Final = 86
LINUX_MIB_TCPFASTOPENACTIVE: Final = 87
LINUX_MIB_TCPFASTOPENACTIVEFAIL: Final = 88
LINUX_MIB_TCPFASTOPENPASSIVE: Final = 89
LINUX_MIB_TCPFASTOPENPASSIVEFAIL: Final = 90
LINUX_MIB_TCPFASTOPENLISTENOVERFLOW: Final = 91
LINUX_MIB_TCPFASTOPENCOOKIEREQD: Final = 92
LINUX_MIB_TCPFASTOPENBLACKHOLE: Final = 93
LINUX_MIB_TCPSPURIOUS_RTX_HOSTQUEUES: Final = 94
LINUX_MIB_BUSYPOLLRXPACKETS: Final = 95
LINUX_MIB_TCPAUTOCORKING: Final = 96
LINUX_MIB_TCPFROMZEROWINDOWADV: Final = 97
LINUX_MIB_TCPTOZEROWINDOWADV: Final = 98
LINUX_MIB_TCPWANTZEROWINDOWADV: Final = 99
LINUX_MIB_TCPSYNRETRANS: Final = 100
LINUX_MIB_TCPORIGDATASENT: Final = 101
LINUX_MIB_TCPHYSTARTTRAINDETECT: Final = 102
LINUX_MIB_TCPHYSTARTTRAINCWND: Final = 103
LINUX_MIB_TCPHYSTARTDELAYDETECT: Final = 104
LINUX_MIB_TCPHYSTARTDELAYCWND: Final = 105
LINUX_MIB_TCPACKSKIPPEDSYNRECV: Final = 106
LINUX_MIB_TCPACKSKIPPEDPAWS: Final = 107
LINUX_MIB_TCPACKSKIPPEDSEQ: Final = 108
LINUX_MIB_TCPACKSKIPPEDFINWAIT2: Final = 109
LINUX_MIB_TCPACKSKIPPEDTIMEWAIT: Final = 110
LINUX_MIB_TCPACKSKIPPEDCHALLENGE: Final = 111
LINUX_MIB_TCPWINPROBE: Final = 112
LINUX_MIB_TCPKEEPALIVE: Final = 113
LINUX_MIB_TCPMTUPFAIL: Final = 114
LINUX_MIB_TCPMTUPSUCCESS: Final = 115
LINUX_MIB_TCPDELIVERED: Final = 116
LINUX_MIB_TCPDELIVEREDCE: Final = 117
LINUX_MIB_TCPACKCOMPRESSED: Final = 118
LINUX_MIB_TCPZEROWINDOWDROP: Final = 119
LINUX_MIB_TCPRCVQDROP: Final = 120
LINUX_MIB_TCPWQUEUETOOBIG: Final = 121
LINUX_MIB_TCPFASTOPENPASSIVEALTKEY: Final = 122
LINUX_MIB_TCPTIMEOUTREHASH: Final = 123
LINUX_MIB_TCPDUPLICATEDATAREHASH: Final = 124
LINUX_MIB_TCPDSACKRECVSEGS: Final = 125
LINUX_MIB_TCPDSACKIGNOREDDUBIOUS: Final = 126
LINUX_MIB_TCPMIGRATEREQSUCCESS: Final = 127
LINUX_MIB_TCPMIGRATEREQFAILURE: Final = 128
LINUX_MIB_TCPPLBREHASH: Final = 129
LINUX_MIB_TCPAOREQUIRED: Final = 130
LINUX_MIB_TCPAOBAD: Final = 131
LINUX_MIB_TCPAOKEYNOTFOUND: Final = 132
LINUX_MIB_TCPAOGOOD: Final = 133
LINUX_MIB_TCPAODROPPEDICMPS: Final = 134

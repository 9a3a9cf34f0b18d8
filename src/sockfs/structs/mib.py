"""SNMP and TcpExt counters, by their kernel names, in the order that /proc/net/snmp and /proc/net/netstat
print them.

Kernel counterparts: `include/uapi/linux/snmp.h`, `net/ipv4/proc.c`; meanings: the kernel's
`networking/snmp_counter` document, RFC 2011, 2012 and 2013. One class a group; `net.mib_linux.TCPPureAcks
+= 1` counts.
"""

from __future__ import annotations

from mypy_extensions import i64


class IpMib:
    """`/proc/net/snmp`, line Ip."""

    Forwarding: i64
    DefaultTTL: i64
    InReceives: i64
    InHdrErrors: i64
    InAddrErrors: i64
    ForwDatagrams: i64
    InUnknownProtos: i64
    InDiscards: i64
    InDelivers: i64
    OutRequests: i64
    OutDiscards: i64
    OutNoRoutes: i64
    ReasmTimeout: i64
    ReasmReqds: i64
    ReasmOKs: i64
    ReasmFails: i64
    FragOKs: i64
    FragFails: i64
    FragCreates: i64
    OutTransmits: i64

    def __init__(self) -> None:
        self.Forwarding = 2
        self.DefaultTTL = 64
        self.InReceives = 0
        self.InHdrErrors = 0
        self.InAddrErrors = 0
        self.ForwDatagrams = 0
        self.InUnknownProtos = 0
        self.InDiscards = 0
        self.InDelivers = 0
        self.OutRequests = 0
        self.OutDiscards = 0
        self.OutNoRoutes = 0
        self.ReasmTimeout = 0
        self.ReasmReqds = 0
        self.ReasmOKs = 0
        self.ReasmFails = 0
        self.FragOKs = 0
        self.FragFails = 0
        self.FragCreates = 0
        self.OutTransmits = 0


class IpExtMib:
    """`/proc/net/netstat`, line IpExt."""

    InNoRoutes: i64
    InTruncatedPkts: i64
    InMcastPkts: i64
    OutMcastPkts: i64
    InBcastPkts: i64
    OutBcastPkts: i64
    InOctets: i64
    OutOctets: i64
    InMcastOctets: i64
    OutMcastOctets: i64
    InBcastOctets: i64
    OutBcastOctets: i64
    InCsumErrors: i64
    InNoECTPkts: i64
    InECT1Pkts: i64
    InECT0Pkts: i64
    InCEPkts: i64
    ReasmOverlaps: i64

    def __init__(self) -> None:
        self.InNoRoutes = 0
        self.InTruncatedPkts = 0
        self.InMcastPkts = 0
        self.OutMcastPkts = 0
        self.InBcastPkts = 0
        self.OutBcastPkts = 0
        self.InOctets = 0
        self.OutOctets = 0
        self.InMcastOctets = 0
        self.OutMcastOctets = 0
        self.InBcastOctets = 0
        self.OutBcastOctets = 0
        self.InCsumErrors = 0
        self.InNoECTPkts = 0
        self.InECT1Pkts = 0
        self.InECT0Pkts = 0
        self.InCEPkts = 0
        self.ReasmOverlaps = 0


class IcmpMib:
    """`/proc/net/snmp`, line Icmp."""

    InMsgs: i64
    InErrors: i64
    InCsumErrors: i64
    InDestUnreachs: i64
    InTimeExcds: i64
    InParmProbs: i64
    InSrcQuenchs: i64
    InRedirects: i64
    InEchos: i64
    InEchoReps: i64
    InTimestamps: i64
    InTimestampReps: i64
    InAddrMasks: i64
    InAddrMaskReps: i64
    OutMsgs: i64
    OutErrors: i64
    OutRateLimitGlobal: i64
    OutRateLimitHost: i64
    OutDestUnreachs: i64
    OutTimeExcds: i64
    OutParmProbs: i64
    OutSrcQuenchs: i64
    OutRedirects: i64
    OutEchos: i64
    OutEchoReps: i64
    OutTimestamps: i64
    OutTimestampReps: i64
    OutAddrMasks: i64
    OutAddrMaskReps: i64

    def __init__(self) -> None:
        self.InMsgs = 0
        self.InErrors = 0
        self.InCsumErrors = 0
        self.InDestUnreachs = 0
        self.InTimeExcds = 0
        self.InParmProbs = 0
        self.InSrcQuenchs = 0
        self.InRedirects = 0
        self.InEchos = 0
        self.InEchoReps = 0
        self.InTimestamps = 0
        self.InTimestampReps = 0
        self.InAddrMasks = 0
        self.InAddrMaskReps = 0
        self.OutMsgs = 0
        self.OutErrors = 0
        self.OutRateLimitGlobal = 0
        self.OutRateLimitHost = 0
        self.OutDestUnreachs = 0
        self.OutTimeExcds = 0
        self.OutParmProbs = 0
        self.OutSrcQuenchs = 0
        self.OutRedirects = 0
        self.OutEchos = 0
        self.OutEchoReps = 0
        self.OutTimestamps = 0
        self.OutTimestampReps = 0
        self.OutAddrMasks = 0
        self.OutAddrMaskReps = 0


class TcpMib:
    """`/proc/net/snmp`, line Tcp."""

    RtoAlgorithm: i64
    RtoMin: i64
    RtoMax: i64
    MaxConn: i64
    ActiveOpens: i64
    PassiveOpens: i64
    AttemptFails: i64
    EstabResets: i64
    CurrEstab: i64
    InSegs: i64
    OutSegs: i64
    RetransSegs: i64
    InErrs: i64
    OutRsts: i64
    InCsumErrors: i64

    def __init__(self) -> None:
        self.RtoAlgorithm = 1
        self.RtoMin = 200
        self.RtoMax = 120000
        self.MaxConn = -1
        self.ActiveOpens = 0
        self.PassiveOpens = 0
        self.AttemptFails = 0
        self.EstabResets = 0
        self.CurrEstab = 0
        self.InSegs = 0
        self.OutSegs = 0
        self.RetransSegs = 0
        self.InErrs = 0
        self.OutRsts = 0
        self.InCsumErrors = 0


class UdpMib:
    """`/proc/net/snmp`, lines Udp and UdpLite."""

    InDatagrams: i64
    NoPorts: i64
    InErrors: i64
    OutDatagrams: i64
    RcvbufErrors: i64
    SndbufErrors: i64
    InCsumErrors: i64
    IgnoredMulti: i64
    MemErrors: i64

    def __init__(self) -> None:
        self.InDatagrams = 0
        self.NoPorts = 0
        self.InErrors = 0
        self.OutDatagrams = 0
        self.RcvbufErrors = 0
        self.SndbufErrors = 0
        self.InCsumErrors = 0
        self.IgnoredMulti = 0
        self.MemErrors = 0


class LinuxMib:
    """`/proc/net/netstat`, line TcpExt."""

    SyncookiesSent: i64
    SyncookiesRecv: i64
    SyncookiesFailed: i64
    EmbryonicRsts: i64
    PruneCalled: i64
    RcvPruned: i64
    OfoPruned: i64
    OutOfWindowIcmps: i64
    LockDroppedIcmps: i64
    ArpFilter: i64
    TW: i64
    TWRecycled: i64
    TWKilled: i64
    PAWSActive: i64
    PAWSEstab: i64
    BeyondWindow: i64
    TSEcrRejected: i64
    PAWSOldAck: i64
    PAWSTimewait: i64
    DelayedACKs: i64
    DelayedACKLocked: i64
    DelayedACKLost: i64
    ListenOverflows: i64
    ListenDrops: i64
    TCPHPHits: i64
    TCPPureAcks: i64
    TCPHPAcks: i64
    TCPRenoRecovery: i64
    TCPSackRecovery: i64
    TCPSACKReneging: i64
    TCPSACKReorder: i64
    TCPRenoReorder: i64
    TCPTSReorder: i64
    TCPFullUndo: i64
    TCPPartialUndo: i64
    TCPDSACKUndo: i64
    TCPLossUndo: i64
    TCPLostRetransmit: i64
    TCPRenoFailures: i64
    TCPSackFailures: i64
    TCPLossFailures: i64
    TCPFastRetrans: i64
    TCPSlowStartRetrans: i64
    TCPTimeouts: i64
    TCPLossProbes: i64
    TCPLossProbeRecovery: i64
    TCPRenoRecoveryFail: i64
    TCPSackRecoveryFail: i64
    TCPRcvCollapsed: i64
    TCPBacklogCoalesce: i64
    TCPDSACKOldSent: i64
    TCPDSACKOfoSent: i64
    TCPDSACKRecv: i64
    TCPDSACKOfoRecv: i64
    TCPAbortOnData: i64
    TCPAbortOnClose: i64
    TCPAbortOnMemory: i64
    TCPAbortOnTimeout: i64
    TCPAbortOnLinger: i64
    TCPAbortFailed: i64
    TCPMemoryPressures: i64
    TCPMemoryPressuresChrono: i64
    TCPSACKDiscard: i64
    TCPDSACKIgnoredOld: i64
    TCPDSACKIgnoredNoUndo: i64
    TCPSpuriousRTOs: i64
    TCPMD5NotFound: i64
    TCPMD5Unexpected: i64
    TCPMD5Failure: i64
    TCPSackShifted: i64
    TCPSackMerged: i64
    TCPSackShiftFallback: i64
    TCPBacklogDrop: i64
    PFMemallocDrop: i64
    TCPMinTTLDrop: i64
    TCPDeferAcceptDrop: i64
    IPReversePathFilter: i64
    TCPTimeWaitOverflow: i64
    TCPReqQFullDoCookies: i64
    TCPReqQFullDrop: i64
    TCPRetransFail: i64
    TCPRcvCoalesce: i64
    TCPOFOQueue: i64
    TCPOFODrop: i64
    TCPOFOMerge: i64
    TCPChallengeACK: i64
    TCPSYNChallenge: i64
    TCPFastOpenActive: i64
    TCPFastOpenActiveFail: i64
    TCPFastOpenPassive: i64
    TCPFastOpenPassiveFail: i64
    TCPFastOpenListenOverflow: i64
    TCPFastOpenCookieReqd: i64
    TCPFastOpenBlackhole: i64
    TCPSpuriousRtxHostQueues: i64
    BusyPollRxPackets: i64
    TCPAutoCorking: i64
    TCPFromZeroWindowAdv: i64
    TCPToZeroWindowAdv: i64
    TCPWantZeroWindowAdv: i64
    TCPSynRetrans: i64
    TCPOrigDataSent: i64
    TCPHystartTrainDetect: i64
    TCPHystartTrainCwnd: i64
    TCPHystartDelayDetect: i64
    TCPHystartDelayCwnd: i64
    TCPACKSkippedSynRecv: i64
    TCPACKSkippedPAWS: i64
    TCPACKSkippedSeq: i64
    TCPACKSkippedFinWait2: i64
    TCPACKSkippedTimeWait: i64
    TCPACKSkippedChallenge: i64
    TCPWinProbe: i64
    TCPKeepAlive: i64
    TCPMTUPFail: i64
    TCPMTUPSuccess: i64
    TCPDelivered: i64
    TCPDeliveredCE: i64
    TCPAckCompressed: i64
    TCPZeroWindowDrop: i64
    TCPRcvQDrop: i64
    TCPWqueueTooBig: i64
    TCPFastOpenPassiveAltKey: i64
    TcpTimeoutRehash: i64
    TcpDuplicateDataRehash: i64
    TCPDSACKRecvSegs: i64
    TCPDSACKIgnoredDubious: i64
    TCPMigrateReqSuccess: i64
    TCPMigrateReqFailure: i64
    TCPPLBRehash: i64
    TCPAORequired: i64
    TCPAOBad: i64
    TCPAOKeyNotFound: i64
    TCPAOGood: i64
    TCPAODroppedIcmps: i64

    def __init__(self) -> None:
        self.SyncookiesSent = 0
        self.SyncookiesRecv = 0
        self.SyncookiesFailed = 0
        self.EmbryonicRsts = 0
        self.PruneCalled = 0
        self.RcvPruned = 0
        self.OfoPruned = 0
        self.OutOfWindowIcmps = 0
        self.LockDroppedIcmps = 0
        self.ArpFilter = 0
        self.TW = 0
        self.TWRecycled = 0
        self.TWKilled = 0
        self.PAWSActive = 0
        self.PAWSEstab = 0
        self.BeyondWindow = 0
        self.TSEcrRejected = 0
        self.PAWSOldAck = 0
        self.PAWSTimewait = 0
        self.DelayedACKs = 0
        self.DelayedACKLocked = 0
        self.DelayedACKLost = 0
        self.ListenOverflows = 0
        self.ListenDrops = 0
        self.TCPHPHits = 0
        self.TCPPureAcks = 0
        self.TCPHPAcks = 0
        self.TCPRenoRecovery = 0
        self.TCPSackRecovery = 0
        self.TCPSACKReneging = 0
        self.TCPSACKReorder = 0
        self.TCPRenoReorder = 0
        self.TCPTSReorder = 0
        self.TCPFullUndo = 0
        self.TCPPartialUndo = 0
        self.TCPDSACKUndo = 0
        self.TCPLossUndo = 0
        self.TCPLostRetransmit = 0
        self.TCPRenoFailures = 0
        self.TCPSackFailures = 0
        self.TCPLossFailures = 0
        self.TCPFastRetrans = 0
        self.TCPSlowStartRetrans = 0
        self.TCPTimeouts = 0
        self.TCPLossProbes = 0
        self.TCPLossProbeRecovery = 0
        self.TCPRenoRecoveryFail = 0
        self.TCPSackRecoveryFail = 0
        self.TCPRcvCollapsed = 0
        self.TCPBacklogCoalesce = 0
        self.TCPDSACKOldSent = 0
        self.TCPDSACKOfoSent = 0
        self.TCPDSACKRecv = 0
        self.TCPDSACKOfoRecv = 0
        self.TCPAbortOnData = 0
        self.TCPAbortOnClose = 0
        self.TCPAbortOnMemory = 0
        self.TCPAbortOnTimeout = 0
        self.TCPAbortOnLinger = 0
        self.TCPAbortFailed = 0
        self.TCPMemoryPressures = 0
        self.TCPMemoryPressuresChrono = 0
        self.TCPSACKDiscard = 0
        self.TCPDSACKIgnoredOld = 0
        self.TCPDSACKIgnoredNoUndo = 0
        self.TCPSpuriousRTOs = 0
        self.TCPMD5NotFound = 0
        self.TCPMD5Unexpected = 0
        self.TCPMD5Failure = 0
        self.TCPSackShifted = 0
        self.TCPSackMerged = 0
        self.TCPSackShiftFallback = 0
        self.TCPBacklogDrop = 0
        self.PFMemallocDrop = 0
        self.TCPMinTTLDrop = 0
        self.TCPDeferAcceptDrop = 0
        self.IPReversePathFilter = 0
        self.TCPTimeWaitOverflow = 0
        self.TCPReqQFullDoCookies = 0
        self.TCPReqQFullDrop = 0
        self.TCPRetransFail = 0
        self.TCPRcvCoalesce = 0
        self.TCPOFOQueue = 0
        self.TCPOFODrop = 0
        self.TCPOFOMerge = 0
        self.TCPChallengeACK = 0
        self.TCPSYNChallenge = 0
        self.TCPFastOpenActive = 0
        self.TCPFastOpenActiveFail = 0
        self.TCPFastOpenPassive = 0
        self.TCPFastOpenPassiveFail = 0
        self.TCPFastOpenListenOverflow = 0
        self.TCPFastOpenCookieReqd = 0
        self.TCPFastOpenBlackhole = 0
        self.TCPSpuriousRtxHostQueues = 0
        self.BusyPollRxPackets = 0
        self.TCPAutoCorking = 0
        self.TCPFromZeroWindowAdv = 0
        self.TCPToZeroWindowAdv = 0
        self.TCPWantZeroWindowAdv = 0
        self.TCPSynRetrans = 0
        self.TCPOrigDataSent = 0
        self.TCPHystartTrainDetect = 0
        self.TCPHystartTrainCwnd = 0
        self.TCPHystartDelayDetect = 0
        self.TCPHystartDelayCwnd = 0
        self.TCPACKSkippedSynRecv = 0
        self.TCPACKSkippedPAWS = 0
        self.TCPACKSkippedSeq = 0
        self.TCPACKSkippedFinWait2 = 0
        self.TCPACKSkippedTimeWait = 0
        self.TCPACKSkippedChallenge = 0
        self.TCPWinProbe = 0
        self.TCPKeepAlive = 0
        self.TCPMTUPFail = 0
        self.TCPMTUPSuccess = 0
        self.TCPDelivered = 0
        self.TCPDeliveredCE = 0
        self.TCPAckCompressed = 0
        self.TCPZeroWindowDrop = 0
        self.TCPRcvQDrop = 0
        self.TCPWqueueTooBig = 0
        self.TCPFastOpenPassiveAltKey = 0
        self.TcpTimeoutRehash = 0
        self.TcpDuplicateDataRehash = 0
        self.TCPDSACKRecvSegs = 0
        self.TCPDSACKIgnoredDubious = 0
        self.TCPMigrateReqSuccess = 0
        self.TCPMigrateReqFailure = 0
        self.TCPPLBRehash = 0
        self.TCPAORequired = 0
        self.TCPAOBad = 0
        self.TCPAOKeyNotFound = 0
        self.TCPAOGood = 0
        self.TCPAODroppedIcmps = 0

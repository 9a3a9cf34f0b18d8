"""The machine's parts: timers, wait queues, slab counts, sysctl, tracepoints, the softirq drain."""

"""The workloads by which sockfs is measured beside the real kernel.

`workloads.py` is a plain Python program that knows nothing of sockfs; `runner.py` runs it on the kernel and
on sockfs in turn. The command is `sockfs bench` (`cli/bench.py`); figures of the past stand in the repository
under `benches/`.
"""

"""A snapshot holds every field, survives JSON, and does not mind cycles."""

from __future__ import annotations

import json

import pytest

from sockfs.observe import snapshot
from sockfs.observe.snapshot import View
from sockfs.structs.tcp_sock import TcpSock
from tests.observe.hand import machine


def test_every_declared_field_is_there() -> None:
    data = snapshot.take(machine().k)
    record = next(
        o for o in data["objects"].values() if o["type"] == "TcpSock" and o["fields"]["sk_state"] == 10
    )
    fields = record["fields"]
    declared = {name for base in TcpSock.__mro__ for name in getattr(base, "__annotations__", ())}
    assert declared - set(fields) == set()
    assert fields["icsk_ca_ops"]["$ref"].startswith("Cubic:")
    assert record["bases"][:2] == ["InetConnectionSock", "InetSock"]


def test_through_json_and_back() -> None:
    m = machine()
    view = View.loads(snapshot.dumps(snapshot.take(m.k)))
    file = view.tasks[20852].files.fdt[5]
    sk = file.private_data.sk
    assert file.d["name"] == "socket:[174615]"
    assert sk.sk_socket == file.private_data  # the cycle closes
    assert sk.sk_socket.file is file
    assert (sk.d["local"], sk.d["remote"], sk.d["state"]) == (
        "127.0.0.1:18080",
        "127.0.0.1:43290",
        "ESTABLISHED",
    )
    assert sk.d["recv_q"] == 1000  # across the wrap of the sequence numbers
    (skb,) = sk.sk_receive_queue.list("skbs")
    assert skb.len == 1000
    assert skb.data == b"x" * 64  # cut, and the length told
    assert skb.fields()["data"]["len"] == 1000


def test_timers_tell_what_is_left() -> None:
    view = View.of(machine().k)
    (tw,) = view.kind("InetTimewaitSock")
    assert tw.d["timers"] == [{"name": "time-wait", "left_ns": 59_900_000_000}]
    assert tw.is_a("SockCommon")
    assert not tw.is_a("Sock")


def test_what_is_no_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="not a sockfs snapshot"):
        View.loads(json.dumps({"format": "other"}))
    with pytest.raises(AttributeError, match="no field 'nonsense'"):
        _ = View.of(machine().k).kernel.nonsense

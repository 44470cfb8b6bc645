"""Reports: the values made from INFO and CLIENT LIST of real servers."""

from __future__ import annotations

import math

import pytest

from anyredis.exceptions import ProtocolError
from anyredis.reports.info import ClientInfo, InfoValue, client, clients, info

FIELDS: list[tuple[str, dict[str, InfoValue]]] = [
    ("used_memory:2131608", {"used_memory": 2131608}),
    ("second_repl_offset:-1", {"second_repl_offset": -1}),
    ("used_cpu_sys:0.006816", {"used_cpu_sys": 0.006816}),
    ("mem_fragmentation_ratio:inf", {"mem_fragmentation_ratio": math.inf}),
    ("used_memory_human:2.03M", {"used_memory_human": "2.03M"}),
    ("used_memory_peak_perc:99.33%", {"used_memory_peak_perc": "99.33%"}),
    ("redis_version:7.2.4", {"redis_version": "7.2.4"}),
    ("redis_git_sha1:00000000", {"redis_git_sha1": "00000000"}),
    ("redis_git_sha1:12345678", {"redis_git_sha1": "12345678"}),
    ("run_id:1234567890", {"run_id": "1234567890"}),
    ("config_file:", {"config_file": ""}),
    ("config_file:/a=1,b=2", {"config_file": "/a=1,b=2"}),
    ("executable:/opt/r,1/server", {"executable": "/opt/r,1/server"}),
    (
        "monotonic_clock:X86 TSC @ 2595.89 ticks/us",
        {"monotonic_clock": "X86 TSC @ 2595.89 ticks/us"},
    ),
    ("mem_allocator:jemalloc-5.3.0", {"mem_allocator": "jemalloc-5.3.0"}),
    ("master_host:fe80::1", {"master_host": "fe80::1"}),
    (
        "db0:keys=3,expires=0,avg_ttl=0,subexpiry=0",
        {"db0": {"keys": 3, "expires": 0, "avg_ttl": 0, "subexpiry": 0}},
    ),
    (
        "cmdstat_client|list:calls=1,usec=16,usec_per_call=16.50",
        {"cmdstat_client|list": {"calls": 1, "usec": 16, "usec_per_call": 16.5}},
    ),
    ("errorstat_ERR:count=2", {"errorstat_ERR": {"count": 2}}),
    (
        "latency_percentiles_usec_get:p50=2.007,p99.9=5.023",
        {"latency_percentiles_usec_get": {"p50": 2.007, "p99.9": 5.023}},
    ),
    (
        "slave0:ip=10.0.0.2,port=6380,state=online,offset=14,lag=0",
        {"slave0": {"ip": "10.0.0.2", "port": 6380, "state": "online", "offset": 14, "lag": 0}},
    ),
    (
        "listener0:name=tcp,bind=127.0.0.1,bind=-::1,port=6379",
        {"listener0": {"name": "tcp", "bind": ["127.0.0.1", "-::1"], "port": 6379}},
    ),
    ("listener1:name=unix,bind=/a=b/s", {"listener1": {"name": "unix", "bind": "/a=b/s"}}),
    ("db0_distrib_strings_sizes:1=1,2K=4", {"db0_distrib_strings_sizes": {"1": 1, "2K": 4}}),
    ("some_list:a,2,3.5,", {"some_list": ["a", 2, 3.5]}),
    ("half:a=1,b", {"half": ["a=1", "b"]}),
    ("twice:1\r\ntwice:2\r\nonce:3", {"twice": [1, 2], "once": 3}),
    (
        "module:name=lua,ver=1,usedby=[],options=[a|b]",
        {"modules": [{"name": "lua", "ver": 1, "usedby": "[]", "options": "[a|b]"}]},
    ),
    (
        "module:name=a,ver=1\r\nmodule:name=b,ver=2",
        {"modules": [{"name": "a", "ver": 1}, {"name": "b", "ver": 2}]},
    ),
    ("no name\r\na:1\r\n", {"a": 1, "__raw__": ["no name"]}),
    ("# Server\r\n\r\na:1\r\n\r\n# Empty\r\n", {"a": 1}),
    ("a:\x0b1\nb:2\n", {"a": "\x0b1", "b": 2}),
    ("", {}),
]


@pytest.mark.parametrize(("text", "found"), FIELDS)
def test_info(text: str, found: dict[str, InfoValue]) -> None:
    """A field of INFO becomes this value, of this very type; nothing is lost."""
    result = info(text)
    assert result == found
    assert repr(result) == repr(found)  # 1 is not 1.0


VALKEY = (
    "id=4 addr=127.0.0.1:32910 laddr=127.0.0.1:48119 fd=9 name= age=1 idle=2 flags=N capa=r db=3 "
    "sub=0 multi=-1 events=r cmd=client|list user=default redir=-1 resp=2 lib-name= lib-ver= "
    "tot-cmds=10\n"
)
UNIX = (
    "id=5 addr=/tmp/my sockets/r:0 laddr=/tmp/my sockets/r:0 fd=9 name=a=b age=0 idle=0 flags=Pb "
    "db=0 cmd=NULL user=eve resp=3 lib-name=anyredis lib-ver=1 new-fact=x"
)


def test_client() -> None:
    """The usual fields have types; everything is in `fields` as the server wrote it."""
    found = client(VALKEY)
    assert found == ClientInfo(
        id=4,
        addr="127.0.0.1:32910",
        laddr="127.0.0.1:48119",
        name="",
        user="default",
        db=3,
        age=1,
        idle=2,
        flags="N",
        cmd="client|list",
        fields=found.fields,
    )
    assert found.fields["tot-cmds"] == "10"
    assert found.fields["lib-name"] == ""
    assert " ".join(f"{name}={value}" for name, value in found.fields.items()) == VALKEY.strip()


def test_client_of_a_unix_socket() -> None:
    """A path may have spaces, a name an equals sign; a field that is not known is kept."""
    found = client(UNIX)
    assert found.addr == found.laddr == "/tmp/my sockets/r:0"
    assert found.name == "a=b"
    assert found.flags == "Pb"
    assert found.fields["new-fact"] == "x"


def test_clients() -> None:
    """One for each line, none for an empty list."""
    assert [found.id for found in clients(VALKEY + UNIX)] == [4, 5]
    assert clients("") == clients("\n") == []


@pytest.mark.parametrize("line", ["id=1", "hello", VALKEY.replace("id=4", "id=four")])
def test_no_client(line: str) -> None:
    """A line without the usual fields is refused, not guessed at."""
    with pytest.raises(ProtocolError, match="where a line about a client was expected"):
        client(line)

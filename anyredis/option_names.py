"""The advice about an option that does not exist here: our name for it, or the nearest name.

Law: only an error asks for advice.  An option of redis-py or coredis either means the same here, or
has an entry in one of the tables below; any other name may be a misspelt one.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Final

RENAMED: Final[Mapping[str, str]] = {
    "address": "host",
    "client_lib_name": "lib_name",
    "connection_pool_class": "connection_pool_cls",
    "driver_info": "lib_name",
    "force_master_ip": "address_remap",
    "hostname": "host",
    "load_balancing_strategy": "read_from",
    "pool_timeout": "timeout",
    "retry_policy": "retry",
    "socket_connect_timeout": "connect_timeout",
    "socket_timeout": "stream_timeout",
    "user": "username",
}
"""Options that have another name here."""

ALWAYS = "leave it out, this is always so"
NOT_HERE = "leave it out, there is nothing to set"
BY_SENTINEL = "Sentinel([…]).primary_for(name) and replica_for(name) give clients of a service"
CONTEXT = "give an ssl_context= with that setting"
RETRY = "give retry=Retry(errors=…), see anyredis.Retry; None sends no command twice"
NO_CACHE = "leave it out, replies are not cached"
WAITS = "a BlockingConnectionPool has it: connection_pool_cls=BlockingConnectionPool, timeout=…"
WAITS_CLUSTER = "a BlockingClusterConnectionPool has it: connection_pool_cls=…, timeout=…"

REMARKS: Final[Mapping[str, str | tuple[tuple[str, str], ...]]] = {
    # sockets
    "host": "sentinels give it, and a URL names it before its query",
    "port": "sentinels give it, and a URL names it before its query",
    "location": "use host= and port=, or a UnixDomainSocketConnection with path=",
    "path": (
        ("startup_nodes", "the nodes of a cluster are reached over TCP"),
        ("unix_socket_path", "use unix_socket_path="),
        ("", "use connection_class=UnixDomainSocketConnection beside it"),
    ),
    "unix_socket_path": (
        ("startup_nodes", "the nodes of a cluster are reached over TCP"),
        ("sentinel_timeout", "use no address, sentinels give it"),
        ("", "use connection_class=UnixDomainSocketConnection and path=, or from_url('unix://…')"),
    ),
    "url": "use from_url(url)",
    "socket_keepalive": ALWAYS,
    "socket_keepalive_options": "leave it out, or derive from Connection and set socket options",
    "socket_read_size": NOT_HERE,
    "socket_type": "leave it out, IPv6 and IPv4 are both tried",
    "parser_class": NOT_HERE,
    "parser": NOT_HERE,
    "encoder_class": NOT_HERE,
    "command_packer": NOT_HERE,
    "processing_budget": NOT_HERE,
    "health_check_interval": "leave it out, idle connections are always checked; see stream_timeout=",
    "single_connection_client": "use client.session(), which has a connection of its own",
    "redis_connect_func": "give listeners=[…], whose ready() is called for each new connection",
    "himport_registry": NOT_HERE,
    # TLS
    "ssl": "TLS goes over TCP, and a URL asks for it by rediss:// or valkeys://",
    "ssl_context": "TLS goes over TCP, and a context is given in the call, not in a URL",
    "ssl_ca_path": "use ssl_ca_certs= with one file, or ssl_context=",
    "ssl_include_verify_flags": CONTEXT,
    "ssl_exclude_verify_flags": CONTEXT,
    "ssl_validate_ocsp": CONTEXT,
    "ssl_validate_ocsp_stapled": CONTEXT,
    "ssl_ocsp_context": CONTEXT,
    "ssl_ocsp_expected_cert": CONTEXT,
    # commands and replies
    "json_codec": "give it to the client, in the call",
    "retry": "give it to the client, in the call",
    "retry_policy": "give retry= to the client, in the call",
    "credential_provider": "give it in the call",
    "ssl_ca_data": "give it in the call",
    "retry_on_timeout": RETRY,
    "retry_on_error": RETRY,
    "cluster_error_retry_attempts": RETRY,
    "legacy_responses": "leave it out, replies are the same with protocol=2 and protocol=3",
    "noreply": "leave it out, a command without a reply could not be told from a lost one",
    "type_adapter": "leave it out, commands take bytes, str, int and float",
    "verify_version": "leave it out, the server itself refuses what it does not know",
    "cache": NO_CACHE,
    "cache_config": NO_CACHE,
    "_cache": NO_CACHE,
    "event_dispatcher": "give an observer=, see anyredis.Observer",
    "driver_info": NOT_HERE,
    "lib_version": NOT_HERE,
    # pools
    "connection_pool": (
        ("sentinel_timeout", "use connection_pool_cls=, a pool for the service is made from it"),
        ("", "give it to a client: Redis(connection_pool=…)"),
    ),
    "connection_pool_cls": "call that class itself, or give it beside a URL",
    "connection_class": "give a pool: connection_pool=ConnectionPool(connection_class=…)",
    "max_connections": "give it to the pool or the client",
    "auto_close_connection_pool": "leave it out, the last block that holds a pool closes it",
    "pool_timeout": (("startup_nodes", WAITS_CLUSTER), ("", WAITS)),
    "timeout": (("startup_nodes", WAITS_CLUSTER), ("", WAITS)),
    "queue_class": "leave it out, waiting callers are served first come, first served",
    "gc_interval": "leave it out, or use max_idle_time=",
    "max_idle_time": "give it to the pool or the client",
    # what servers announce before maintenance
    "maint_notifications_config": NOT_HERE,
    "oss_cluster_maint_notifications_handler": NOT_HERE,
    "maint_notifications_pool_handler": NOT_HERE,
    "maintenance_state": NOT_HERE,
    "maintenance_notification_hash": NOT_HERE,
    "orig_host_address": NOT_HERE,
    "orig_socket_timeout": NOT_HERE,
    "orig_socket_connect_timeout": NOT_HERE,
    # clusters
    "read_from_replicas": (
        ("readonly", "use readonly=True"),
        ("", "RedisCluster(readonly=True) and Sentinel.replica_for() read from replicas"),
    ),
    "startup_nodes": "give it to RedisCluster; a URL names the nodes before its query",
    "load_balancing_strategy": "give read_from= to RedisCluster, in the call",
    "readonly": "RedisCluster(readonly=True) and Sentinel.replica_for() read from replicas",
    "require_full_coverage": "leave it out, slots that are covered are served",
    "skip_full_coverage_check": "leave it out, slots that are covered are served",
    "dynamic_startup_nodes": "leave it out, all known nodes and the given ones are asked",
    "nodemanager_follow_cluster": "leave it out, all known nodes and the given ones are asked",
    "reinitialize_steps": "leave it out, a redirect refreshes the slot map in the background",
    "policy_resolver": "leave it out, or use anyredis.register_command for commands of your own",
    "non_atomic_cross_slot": "leave it out, commands are split by slot where servers' policies say so",
    "address_remap": "RedisCluster and Sentinel have it: they learn addresses from servers",
    # sentinels
    "sentinel_kwargs": "use the options that begin with sentinel_, such as sentinel_password=",
    "min_other_sentinels": "leave it out, all sentinels are asked at once",
    "decode_responses": "give it to primary_for() and replica_for()",
    "service_name": BY_SENTINEL,
    "sentinel_manager": BY_SENTINEL,
    "is_master": BY_SENTINEL,
    "is_primary": BY_SENTINEL,
    "primary_name": BY_SENTINEL,
    "check_connection": "leave it out, each connection is checked for its role",
    "redis_class": "leave it out, or Redis(connection_pool=client.connection_pool)",
}
"""Options that do not exist here, or not everywhere: the remedy.

If it depends on the place, it is that of the first entry whose option is known there.
"""

NEAR = 0.7
"""The least similarity, from 0 to 1, of a name that may have been meant."""


def advice(name: str, known: Collection[str]) -> str:
    """The remedy for the option *name* where only *known* exist; empty if none is known."""
    ours = RENAMED.get(name)
    if ours in known:
        return f"use {ours}="
    remark = REMARKS.get(name, "")
    if not isinstance(remark, str):
        return next(text for needed, text in remark if not needed or needed in known)
    if remark:
        return remark
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=NEAR)
    return f"did you mean {near[0]}=?" if near else ""


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """The message for *what* called *name* that is not one of the *known*: with the advice."""
    remedy = advice(name, known)
    return f"unknown {what} {name!r}" + (
        f": {remedy}" if remedy else f"; known are {', '.join(sorted(known))}"
    )

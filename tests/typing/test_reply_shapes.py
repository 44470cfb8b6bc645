"""One command of each shape of reply, in each life, as checkers see it: for text and for bytes.

A shape is the annotation of a command's reply, with `NamedTuple` in place of the names of named
tuples.  Each `assert_type` is proved by mypy and pyright, strict both; `lives_of` reads them.
"""

from __future__ import annotations

import datetime
import inspect
import re
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeAlias, TypeVar, assert_type

from anyredis import (
    AclLogEntry,
    AclUser,
    Commands,
    NodeClient,
    Pipeline,
    Redis,
    RedisCluster,
    Result,
    Session,
    Transaction,
)
from anyredis.command import Blueprint, Command, Definition
from anyredis.commands.cluster_admin import Migration
from anyredis.commands.core import CoreCommands
from anyredis.commands.geo import GeoPosition
from anyredis.commands.hash_import import HashImport
from anyredis.commands.server import MemoryStat
from anyredis.commands.session import SessionCommands
from anyredis.commands.strings import Matches
from anyredis.methods import parsed_type
from anyredis.replies import TextReaders
from anyredis.reports.info import InfoValue
from anyredis.reports.server_reports import CommandDoc, Role
from anyredis.stream_entries import AutoClaim, StreamEntry

T = TypeVar("T")

TextClient: TypeAlias = (
    Redis[str]
    | RedisCluster[str]
    | NodeClient[str]
    | Session[str]
    | Transaction[str]
    | Commands[str]
)
RawClient: TypeAlias = (
    Redis[bytes]
    | RedisCluster[bytes]
    | NodeClient[bytes]
    | Session[bytes]
    | Transaction[bytes]
    | Commands[bytes]
)
"""All that await their commands: an assertion about the union holds for each of its members."""


class TextWords(Blueprint, CoreCommands[str]):
    """Commands as values, of a client that decodes."""

    read = TextReaders(str)


class RawWords(Blueprint, CoreCommands[bytes]):
    """Commands as values, of a client that does not decode."""

    read = TextReaders(bytes)


def reply(method: Callable[..., Coroutine[Any, Any, T]]) -> T:
    """What an awaited call gives."""
    raise NotImplementedError(method)


def queued(method: Callable[..., Result[T]]) -> T:
    """What the `value` of a call in a pipeline is."""
    raise NotImplementedError(method)


def planned(method: Callable[..., Command[T]]) -> T:
    """What the `parse` of a command gives that is a value."""
    raise NotImplementedError(method)


def text_replies(client: TextClient, pipe: Pipeline[str], plan: TextWords) -> None:  # noqa: PLR0915 - a table
    """On clients that decode."""
    assert_type(client.pipeline(), Pipeline[str])
    assert_type(reply(client.shutdown), None)
    assert_type(planned(plan.shutdown), None)
    assert_type(reply(client.getrange), str)
    assert_type(queued(pipe.getrange), str)
    assert_type(planned(plan.getrange), str)
    assert_type(reply(client.eval), Any)
    assert_type(queued(pipe.eval), Any)
    assert_type(planned(plan.eval), Any)
    assert_type(reply(client.delete), int)
    assert_type(queued(pipe.delete), int)
    assert_type(planned(plan.delete), int)
    assert_type(reply(client.type), str)
    assert_type(queued(pipe.type), str)
    assert_type(planned(plan.type), str)
    assert_type(reply(client.role), Role)
    assert_type(queued(pipe.role), Role)
    assert_type(planned(plan.role), Role)
    assert_type(reply(client.copy), bool)
    assert_type(queued(pipe.copy), bool)
    assert_type(planned(plan.copy), bool)
    assert_type(reply(client.function_dump), bytes)
    assert_type(queued(pipe.function_dump), bytes)
    assert_type(planned(plan.function_dump), bytes)
    assert_type(reply(client.incrbyfloat), float)
    assert_type(queued(pipe.incrbyfloat), float)
    assert_type(planned(plan.incrbyfloat), float)
    assert_type(reply(client.sdiff), set[str])
    assert_type(queued(pipe.sdiff), set[str])
    assert_type(planned(plan.sdiff), set[str])
    assert_type(reply(client.keys), list[str])
    assert_type(queued(pipe.keys), list[str])
    assert_type(planned(plan.keys), list[str])
    assert_type(reply(client.randomkey), str | None)
    assert_type(queued(pipe.randomkey), str | None)
    assert_type(planned(plan.randomkey), str | None)
    assert_type(reply(client.hexpire), list[int])
    assert_type(queued(pipe.hexpire), list[int])
    assert_type(planned(plan.hexpire), list[int])
    assert_type(reply(client.xclaim_ids), list[str])
    assert_type(queued(pipe.xclaim_ids), list[str])
    assert_type(planned(plan.xclaim_ids), list[str])
    assert_type(reply(client.lcs_idx), Matches)
    assert_type(queued(pipe.lcs_idx), Matches)
    assert_type(planned(plan.lcs_idx), Matches)
    assert_type(reply(client.hgetall), dict[str, str])
    assert_type(queued(pipe.hgetall), dict[str, str])
    assert_type(planned(plan.hgetall), dict[str, str])
    assert_type(reply(client.object_freq), int | None)
    assert_type(queued(pipe.object_freq), int | None)
    assert_type(planned(plan.object_freq), int | None)
    assert_type(reply(client.smismember), list[bool])
    assert_type(queued(pipe.smismember), list[bool])
    assert_type(planned(plan.smismember), list[bool])
    assert_type(reply(client.object_encoding), str | None)
    assert_type(queued(pipe.object_encoding), str | None)
    assert_type(planned(plan.object_encoding), str | None)
    assert_type(reply(client.dump), bytes | None)
    assert_type(queued(pipe.dump), bytes | None)
    assert_type(planned(plan.dump), bytes | None)
    assert_type(reply(client.zadd_incr), float | None)
    assert_type(queued(pipe.zadd_incr), float | None)
    assert_type(planned(plan.zadd_incr), float | None)
    assert_type(reply(client.xautoclaim), AutoClaim[str])
    assert_type(queued(pipe.xautoclaim), AutoClaim[str])
    assert_type(planned(plan.xautoclaim), AutoClaim[str])
    assert_type(reply(client.arinfo), dict[str, int])
    assert_type(queued(pipe.arinfo), dict[str, int])
    assert_type(planned(plan.arinfo), dict[str, int])
    assert_type(reply(client.config_get), dict[str, str])
    assert_type(queued(pipe.config_get), dict[str, str])
    assert_type(planned(plan.config_get), dict[str, str])
    assert_type(reply(client.mget), list[str | None])
    assert_type(queued(pipe.mget), list[str | None])
    assert_type(planned(plan.mget), list[str | None])
    assert_type(reply(client.lmovem), list[str] | None)
    assert_type(queued(pipe.lmovem), list[str] | None)
    assert_type(planned(plan.lmovem), list[str] | None)
    assert_type(reply(client.cluster_getslotmigrations), list[Migration])
    assert_type(queued(pipe.cluster_getslotmigrations), list[Migration])
    assert_type(planned(plan.cluster_getslotmigrations), list[Migration])
    assert_type(reply(client.increx), tuple[int, int])
    assert_type(queued(pipe.increx), tuple[int, int])
    assert_type(planned(plan.increx), tuple[int, int])
    assert_type(reply(client.arinfo_full), dict[str, float])
    assert_type(queued(pipe.arinfo_full), dict[str, float])
    assert_type(planned(plan.arinfo_full), dict[str, float])
    assert_type(reply(client.acl_log), list[AclLogEntry])
    assert_type(queued(pipe.acl_log), list[AclLogEntry])
    assert_type(planned(plan.acl_log), list[AclLogEntry])
    assert_type(reply(client.bitfield), list[int | None])
    assert_type(queued(pipe.bitfield), list[int | None])
    assert_type(planned(plan.bitfield), list[int | None])
    assert_type(reply(client.geohash), list[str | None])
    assert_type(queued(pipe.geohash), list[str | None])
    assert_type(planned(plan.geohash), list[str | None])
    assert_type(reply(client.cluster_bumpepoch), tuple[bool, int])
    assert_type(queued(pipe.cluster_bumpepoch), tuple[bool, int])
    assert_type(planned(plan.cluster_bumpepoch), tuple[bool, int])
    assert_type(reply(client.acl_getuser), AclUser | None)
    assert_type(queued(pipe.acl_getuser), AclUser | None)
    assert_type(planned(plan.acl_getuser), AclUser | None)
    assert_type(reply(client.lastsave), datetime.datetime)
    assert_type(queued(pipe.lastsave), datetime.datetime)
    assert_type(planned(plan.lastsave), datetime.datetime)
    assert_type(reply(client.hrandfield_with_values), list[tuple[str, str]])
    assert_type(queued(pipe.hrandfield_with_values), list[tuple[str, str]])
    assert_type(planned(plan.hrandfield_with_values), list[tuple[str, str]])
    assert_type(reply(client.arop), int | float | None)
    assert_type(queued(pipe.arop), int | float | None)
    assert_type(planned(plan.arop), int | float | None)
    assert_type(reply(client.zmscore), list[float | None])
    assert_type(queued(pipe.zmscore), list[float | None])
    assert_type(planned(plan.zmscore), list[float | None])
    assert_type(reply(client.vemb), list[float] | None)
    assert_type(queued(pipe.vemb), list[float] | None)
    assert_type(planned(plan.vemb), list[float] | None)
    assert_type(reply(client.blpop), tuple[str, str] | None)
    assert_type(planned(plan.blpop), tuple[str, str] | None)
    assert_type(reply(client.xrange), list[StreamEntry[str]])
    assert_type(queued(pipe.xrange), list[StreamEntry[str]])
    assert_type(planned(plan.xrange), list[StreamEntry[str]])
    assert_type(reply(client.pubsub_numsub), list[tuple[str, int]])
    assert_type(queued(pipe.pubsub_numsub), list[tuple[str, int]])
    assert_type(planned(plan.pubsub_numsub), list[tuple[str, int]])
    assert_type(reply(client.argrep_with_values), list[tuple[int, str]])
    assert_type(queued(pipe.argrep_with_values), list[tuple[int, str]])
    assert_type(planned(plan.argrep_with_values), list[tuple[int, str]])
    assert_type(reply(client.increx_float), tuple[float, float])
    assert_type(queued(pipe.increx_float), tuple[float, float])
    assert_type(planned(plan.increx_float), tuple[float, float])
    assert_type(reply(client.scan), tuple[int, list[str]])
    assert_type(queued(pipe.scan), tuple[int, list[str]])
    assert_type(planned(plan.scan), tuple[int, list[str]])
    assert_type(reply(client.cluster_info), dict[str, InfoValue])
    assert_type(queued(pipe.cluster_info), dict[str, InfoValue])
    assert_type(planned(plan.cluster_info), dict[str, InfoValue])
    assert_type(reply(client.vlinks), list[list[str]] | None)
    assert_type(queued(pipe.vlinks), list[list[str]] | None)
    assert_type(planned(plan.vlinks), list[list[str]] | None)
    assert_type(reply(client.memory_stats), dict[str, MemoryStat])
    assert_type(queued(pipe.memory_stats), dict[str, MemoryStat])
    assert_type(planned(plan.memory_stats), dict[str, MemoryStat])
    assert_type(reply(client.command_docs), dict[str, CommandDoc])
    assert_type(queued(pipe.command_docs), dict[str, CommandDoc])
    assert_type(planned(plan.command_docs), dict[str, CommandDoc])
    assert_type(reply(client.zpopmax), list[tuple[str, float]])
    assert_type(queued(pipe.zpopmax), list[tuple[str, float]])
    assert_type(planned(plan.zpopmax), list[tuple[str, float]])
    assert_type(reply(client.hscan), tuple[int, dict[str, str]])
    assert_type(queued(pipe.hscan), tuple[int, dict[str, str]])
    assert_type(planned(plan.hscan), tuple[int, dict[str, str]])
    assert_type(reply(client.geopos), list[GeoPosition | None])
    assert_type(queued(pipe.geopos), list[GeoPosition | None])
    assert_type(planned(plan.geopos), list[GeoPosition | None])
    assert_type(reply(client.lmpop), tuple[str, list[str]] | None)
    assert_type(queued(pipe.lmpop), tuple[str, list[str]] | None)
    assert_type(planned(plan.lmpop), tuple[str, list[str]] | None)
    assert_type(reply(client.zrank_with_score), tuple[int, float] | None)
    assert_type(queued(pipe.zrank_with_score), tuple[int, float] | None)
    assert_type(planned(plan.zrank_with_score), tuple[int, float] | None)
    assert_type(reply(client.cluster_slot_stats), dict[int, dict[str, int]])
    assert_type(queued(pipe.cluster_slot_stats), dict[int, dict[str, int]])
    assert_type(planned(plan.cluster_slot_stats), dict[int, dict[str, int]])
    assert_type(reply(client.command_getkeysandflags), list[tuple[str, list[str]]])
    assert_type(queued(pipe.command_getkeysandflags), list[tuple[str, list[str]]])
    assert_type(planned(plan.command_getkeysandflags), list[tuple[str, list[str]]])
    assert_type(reply(client.bzpopmax), tuple[str, str, float] | None)
    assert_type(planned(plan.bzpopmax), tuple[str, str, float] | None)
    assert_type(reply(client.xread), dict[str, list[StreamEntry[str]]])
    assert_type(queued(pipe.xread), dict[str, list[StreamEntry[str]]])
    assert_type(planned(plan.xread), dict[str, list[StreamEntry[str]]])
    assert_type(reply(client.zscan), tuple[int, list[tuple[str, float]]])
    assert_type(queued(pipe.zscan), tuple[int, list[tuple[str, float]]])
    assert_type(planned(plan.zscan), tuple[int, list[tuple[str, float]]])
    assert_type(reply(client.vlinks_with_scores), list[list[tuple[str, float]]] | None)
    assert_type(queued(pipe.vlinks_with_scores), list[list[tuple[str, float]]] | None)
    assert_type(planned(plan.vlinks_with_scores), list[list[tuple[str, float]]] | None)
    assert_type(reply(client.zmpop), tuple[str, list[tuple[str, float]]] | None)
    assert_type(queued(pipe.zmpop), tuple[str, list[tuple[str, float]]] | None)
    assert_type(planned(plan.zmpop), tuple[str, list[tuple[str, float]]] | None)
    assert_type(reply(client.shutdown), None)
    assert_type(planned(plan.shutdown), None)


def raw_replies(client: RawClient, pipe: Pipeline[bytes], plan: RawWords) -> None:  # noqa: PLR0915 - a table
    """On clients that do not decode: the texts of the server about itself are `str` here, too."""
    assert_type(client.pipeline(), Pipeline[bytes])
    assert_type(reply(client.shutdown), None)
    assert_type(planned(plan.shutdown), None)
    assert_type(reply(client.getrange), bytes)
    assert_type(queued(pipe.getrange), bytes)
    assert_type(planned(plan.getrange), bytes)
    assert_type(reply(client.eval), Any)
    assert_type(queued(pipe.eval), Any)
    assert_type(planned(plan.eval), Any)
    assert_type(reply(client.delete), int)
    assert_type(queued(pipe.delete), int)
    assert_type(planned(plan.delete), int)
    assert_type(reply(client.type), str)
    assert_type(queued(pipe.type), str)
    assert_type(planned(plan.type), str)
    assert_type(reply(client.role), Role)
    assert_type(queued(pipe.role), Role)
    assert_type(planned(plan.role), Role)
    assert_type(reply(client.copy), bool)
    assert_type(queued(pipe.copy), bool)
    assert_type(planned(plan.copy), bool)
    assert_type(reply(client.function_dump), bytes)
    assert_type(queued(pipe.function_dump), bytes)
    assert_type(planned(plan.function_dump), bytes)
    assert_type(reply(client.incrbyfloat), float)
    assert_type(queued(pipe.incrbyfloat), float)
    assert_type(planned(plan.incrbyfloat), float)
    assert_type(reply(client.sdiff), set[bytes])
    assert_type(queued(pipe.sdiff), set[bytes])
    assert_type(planned(plan.sdiff), set[bytes])
    assert_type(reply(client.keys), list[bytes])
    assert_type(queued(pipe.keys), list[bytes])
    assert_type(planned(plan.keys), list[bytes])
    assert_type(reply(client.randomkey), bytes | None)
    assert_type(queued(pipe.randomkey), bytes | None)
    assert_type(planned(plan.randomkey), bytes | None)
    assert_type(reply(client.hexpire), list[int])
    assert_type(queued(pipe.hexpire), list[int])
    assert_type(planned(plan.hexpire), list[int])
    assert_type(reply(client.xclaim_ids), list[str])
    assert_type(queued(pipe.xclaim_ids), list[str])
    assert_type(planned(plan.xclaim_ids), list[str])
    assert_type(reply(client.lcs_idx), Matches)
    assert_type(queued(pipe.lcs_idx), Matches)
    assert_type(planned(plan.lcs_idx), Matches)
    assert_type(reply(client.hgetall), dict[bytes, bytes])
    assert_type(queued(pipe.hgetall), dict[bytes, bytes])
    assert_type(planned(plan.hgetall), dict[bytes, bytes])
    assert_type(reply(client.object_freq), int | None)
    assert_type(queued(pipe.object_freq), int | None)
    assert_type(planned(plan.object_freq), int | None)
    assert_type(reply(client.smismember), list[bool])
    assert_type(queued(pipe.smismember), list[bool])
    assert_type(planned(plan.smismember), list[bool])
    assert_type(reply(client.object_encoding), str | None)
    assert_type(queued(pipe.object_encoding), str | None)
    assert_type(planned(plan.object_encoding), str | None)
    assert_type(reply(client.dump), bytes | None)
    assert_type(queued(pipe.dump), bytes | None)
    assert_type(planned(plan.dump), bytes | None)
    assert_type(reply(client.zadd_incr), float | None)
    assert_type(queued(pipe.zadd_incr), float | None)
    assert_type(planned(plan.zadd_incr), float | None)
    assert_type(reply(client.xautoclaim), AutoClaim[bytes])
    assert_type(queued(pipe.xautoclaim), AutoClaim[bytes])
    assert_type(planned(plan.xautoclaim), AutoClaim[bytes])
    assert_type(reply(client.arinfo), dict[str, int])
    assert_type(queued(pipe.arinfo), dict[str, int])
    assert_type(planned(plan.arinfo), dict[str, int])
    assert_type(reply(client.config_get), dict[str, str])
    assert_type(queued(pipe.config_get), dict[str, str])
    assert_type(planned(plan.config_get), dict[str, str])
    assert_type(reply(client.mget), list[bytes | None])
    assert_type(queued(pipe.mget), list[bytes | None])
    assert_type(planned(plan.mget), list[bytes | None])
    assert_type(reply(client.lmovem), list[bytes] | None)
    assert_type(queued(pipe.lmovem), list[bytes] | None)
    assert_type(planned(plan.lmovem), list[bytes] | None)
    assert_type(reply(client.cluster_getslotmigrations), list[Migration])
    assert_type(queued(pipe.cluster_getslotmigrations), list[Migration])
    assert_type(planned(plan.cluster_getslotmigrations), list[Migration])
    assert_type(reply(client.increx), tuple[int, int])
    assert_type(queued(pipe.increx), tuple[int, int])
    assert_type(planned(plan.increx), tuple[int, int])
    assert_type(reply(client.arinfo_full), dict[str, float])
    assert_type(queued(pipe.arinfo_full), dict[str, float])
    assert_type(planned(plan.arinfo_full), dict[str, float])
    assert_type(reply(client.acl_log), list[AclLogEntry])
    assert_type(queued(pipe.acl_log), list[AclLogEntry])
    assert_type(planned(plan.acl_log), list[AclLogEntry])
    assert_type(reply(client.bitfield), list[int | None])
    assert_type(queued(pipe.bitfield), list[int | None])
    assert_type(planned(plan.bitfield), list[int | None])
    assert_type(reply(client.geohash), list[str | None])
    assert_type(queued(pipe.geohash), list[str | None])
    assert_type(planned(plan.geohash), list[str | None])
    assert_type(reply(client.cluster_bumpepoch), tuple[bool, int])
    assert_type(queued(pipe.cluster_bumpepoch), tuple[bool, int])
    assert_type(planned(plan.cluster_bumpepoch), tuple[bool, int])
    assert_type(reply(client.acl_getuser), AclUser | None)
    assert_type(queued(pipe.acl_getuser), AclUser | None)
    assert_type(planned(plan.acl_getuser), AclUser | None)
    assert_type(reply(client.lastsave), datetime.datetime)
    assert_type(queued(pipe.lastsave), datetime.datetime)
    assert_type(planned(plan.lastsave), datetime.datetime)
    assert_type(reply(client.hrandfield_with_values), list[tuple[bytes, bytes]])
    assert_type(queued(pipe.hrandfield_with_values), list[tuple[bytes, bytes]])
    assert_type(planned(plan.hrandfield_with_values), list[tuple[bytes, bytes]])
    assert_type(reply(client.arop), int | float | None)
    assert_type(queued(pipe.arop), int | float | None)
    assert_type(planned(plan.arop), int | float | None)
    assert_type(reply(client.zmscore), list[float | None])
    assert_type(queued(pipe.zmscore), list[float | None])
    assert_type(planned(plan.zmscore), list[float | None])
    assert_type(reply(client.vemb), list[float] | None)
    assert_type(queued(pipe.vemb), list[float] | None)
    assert_type(planned(plan.vemb), list[float] | None)
    assert_type(reply(client.blpop), tuple[bytes, bytes] | None)
    assert_type(planned(plan.blpop), tuple[bytes, bytes] | None)
    assert_type(reply(client.xrange), list[StreamEntry[bytes]])
    assert_type(queued(pipe.xrange), list[StreamEntry[bytes]])
    assert_type(planned(plan.xrange), list[StreamEntry[bytes]])
    assert_type(reply(client.pubsub_numsub), list[tuple[bytes, int]])
    assert_type(queued(pipe.pubsub_numsub), list[tuple[bytes, int]])
    assert_type(planned(plan.pubsub_numsub), list[tuple[bytes, int]])
    assert_type(reply(client.argrep_with_values), list[tuple[int, bytes]])
    assert_type(queued(pipe.argrep_with_values), list[tuple[int, bytes]])
    assert_type(planned(plan.argrep_with_values), list[tuple[int, bytes]])
    assert_type(reply(client.increx_float), tuple[float, float])
    assert_type(queued(pipe.increx_float), tuple[float, float])
    assert_type(planned(plan.increx_float), tuple[float, float])
    assert_type(reply(client.scan), tuple[int, list[bytes]])
    assert_type(queued(pipe.scan), tuple[int, list[bytes]])
    assert_type(planned(plan.scan), tuple[int, list[bytes]])
    assert_type(reply(client.cluster_info), dict[str, InfoValue])
    assert_type(queued(pipe.cluster_info), dict[str, InfoValue])
    assert_type(planned(plan.cluster_info), dict[str, InfoValue])
    assert_type(reply(client.vlinks), list[list[bytes]] | None)
    assert_type(queued(pipe.vlinks), list[list[bytes]] | None)
    assert_type(planned(plan.vlinks), list[list[bytes]] | None)
    assert_type(reply(client.memory_stats), dict[str, MemoryStat])
    assert_type(queued(pipe.memory_stats), dict[str, MemoryStat])
    assert_type(planned(plan.memory_stats), dict[str, MemoryStat])
    assert_type(reply(client.command_docs), dict[str, CommandDoc])
    assert_type(queued(pipe.command_docs), dict[str, CommandDoc])
    assert_type(planned(plan.command_docs), dict[str, CommandDoc])
    assert_type(reply(client.zpopmax), list[tuple[bytes, float]])
    assert_type(queued(pipe.zpopmax), list[tuple[bytes, float]])
    assert_type(planned(plan.zpopmax), list[tuple[bytes, float]])
    assert_type(reply(client.hscan), tuple[int, dict[bytes, bytes]])
    assert_type(queued(pipe.hscan), tuple[int, dict[bytes, bytes]])
    assert_type(planned(plan.hscan), tuple[int, dict[bytes, bytes]])
    assert_type(reply(client.geopos), list[GeoPosition | None])
    assert_type(queued(pipe.geopos), list[GeoPosition | None])
    assert_type(planned(plan.geopos), list[GeoPosition | None])
    assert_type(reply(client.lmpop), tuple[bytes, list[bytes]] | None)
    assert_type(queued(pipe.lmpop), tuple[bytes, list[bytes]] | None)
    assert_type(planned(plan.lmpop), tuple[bytes, list[bytes]] | None)
    assert_type(reply(client.zrank_with_score), tuple[int, float] | None)
    assert_type(queued(pipe.zrank_with_score), tuple[int, float] | None)
    assert_type(planned(plan.zrank_with_score), tuple[int, float] | None)
    assert_type(reply(client.cluster_slot_stats), dict[int, dict[str, int]])
    assert_type(queued(pipe.cluster_slot_stats), dict[int, dict[str, int]])
    assert_type(planned(plan.cluster_slot_stats), dict[int, dict[str, int]])
    assert_type(reply(client.command_getkeysandflags), list[tuple[bytes, list[str]]])
    assert_type(queued(pipe.command_getkeysandflags), list[tuple[bytes, list[str]]])
    assert_type(planned(plan.command_getkeysandflags), list[tuple[bytes, list[str]]])
    assert_type(reply(client.bzpopmax), tuple[bytes, bytes, float] | None)
    assert_type(planned(plan.bzpopmax), tuple[bytes, bytes, float] | None)
    assert_type(reply(client.xread), dict[bytes, list[StreamEntry[bytes]]])
    assert_type(queued(pipe.xread), dict[bytes, list[StreamEntry[bytes]]])
    assert_type(planned(plan.xread), dict[bytes, list[StreamEntry[bytes]]])
    assert_type(reply(client.zscan), tuple[int, list[tuple[bytes, float]]])
    assert_type(queued(pipe.zscan), tuple[int, list[tuple[bytes, float]]])
    assert_type(planned(plan.zscan), tuple[int, list[tuple[bytes, float]]])
    assert_type(reply(client.vlinks_with_scores), list[list[tuple[bytes, float]]] | None)
    assert_type(queued(pipe.vlinks_with_scores), list[list[tuple[bytes, float]]] | None)
    assert_type(planned(plan.vlinks_with_scores), list[list[tuple[bytes, float]]] | None)
    assert_type(reply(client.zmpop), tuple[bytes, list[tuple[bytes, float]]] | None)
    assert_type(queued(pipe.zmpop), tuple[bytes, list[tuple[bytes, float]]] | None)
    assert_type(planned(plan.zmpop), tuple[bytes, list[tuple[bytes, float]]] | None)
    assert_type(reply(client.shutdown), None)
    assert_type(planned(plan.shutdown), None)


# -- the table is complete ------------------------------------------------------------------------

ROW = re.compile(r"^    assert_type\((reply|queued|planned)\(\w+\.(\w+)\),", re.MULTILINE)
SESSION = (SessionCommands, HashImport)


def definitions() -> Iterator[Definition]:
    """The definition of each command method, those of sessions too."""
    for group in (*CoreCommands.__mro__, *(each for one in SESSION for each in one.__mro__)):
        yield from (each for each in vars(group).values() if isinstance(each, Definition))


def is_record(named: object) -> bool:
    """Whether it is the class of a named tuple."""
    return inspect.isclass(named) and hasattr(named, "_fields")


def shape_of(definition: Definition) -> str:
    """The annotation of the reply, without the names of named tuples."""
    assert definition.owner is not None
    names = vars(sys.modules[definition.owner.__module__])
    built = inspect.signature(definition.__wrapped__).return_annotation
    return re.sub(
        r"[A-Za-z_.]+",
        lambda match: "NamedTuple" if is_record(names.get(match[0])) else match[0],
        str(parsed_type(built)),
    )


def in_a_pipeline(definition: Definition) -> bool:
    """Whether pipelines have the command: it does not block, and changes no connection."""
    return getattr(CoreCommands, definition.name, None) is not None and not definition.blocks


def lives_of(table: Callable[..., object]) -> dict[str, set[str]]:
    """The lives in which *table* has each method."""
    lives: dict[str, set[str]] = {}
    for life, method in ROW.findall(inspect.getsource(table)):
        lives.setdefault(method, set()).add(life)
    return lives


def test_every_shape_of_reply_is_in_the_table() -> None:
    """Add a command of a shape that is missing here to both functions above."""
    by_name = {each.name: each for each in definitions()}
    every = {"reply", "queued", "planned"}
    for table in (text_replies, raw_replies):
        shown = lives_of(table)
        whole = {
            shape_of(by_name[method])
            for method, lives in shown.items()
            if lives == (every if in_a_pipeline(by_name[method]) else every - {"queued"})
        }
        missing = {shape_of(each) for each in by_name.values()} - whole
        assert missing == set(), f"{table.__name__}: {sorted(missing)}"


def test_shapes() -> None:
    """Named tuples are one shape, whatever their name; what they are of is kept."""
    by_name = {each.name: shape_of(each) for each in definitions()}
    assert by_name["get"] == "S | None"
    assert by_name["slowlog_get"] == by_name["client_list"] == "list[NamedTuple]"
    assert by_name["xrange"] == "list[NamedTuple[S]]"
    assert by_name["bzpopmin"] == "tuple[S, S, float] | None"
    assert by_name["select"] == "bool"
    assert len(set(by_name.values())) > 50

"""The arguments of redis-py that methods here do not have, and what to write instead.

Law: an advice is for whoever has made such a call; no call is changed by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

METHODS: Final[Mapping[tuple[str, str], str]] = {
    ("argrep", "withvalues"): "argrep_with_values",
    ("arinfo", "full"): "arinfo_full",
    ("geosearch", "withcoord"): "geosearch_places",
    ("geosearch", "withdist"): "geosearch_places",
    ("geosearch", "withhash"): "geosearch_places",
    ("hrandfield", "count"): "hrandfield_many",
    ("hrandfield", "withvalues"): "hrandfield_with_values",
    ("hscan", "no_values"): "hscan_no_values",
    ("hscan_iter", "no_values"): "hscan_iter_no_values",
    ("increx", "byfloat"): "increx_float",
    ("lcs", "idx"): "lcs_idx",
    ("lcs", "len"): "lcs_len",
    ("lcs", "minmatchlen"): "lcs_idx",
    ("lcs", "withmatchlen"): "lcs_idx",
    ("lpop", "count"): "lpop_many",
    ("lpos", "count"): "lpos_many",
    ("rpop", "count"): "rpop_many",
    ("set", "get"): "set_get",
    ("shutdown", "abort"): "shutdown_abort",
    ("mrange", "groupby"): "mrange_groups",
    ("mrange", "reduce"): "mrange_groups",
    ("mrevrange", "groupby"): "mrevrange_groups",
    ("mrevrange", "reduce"): "mrevrange_groups",
    ("sort", "get"): "sort_get",
    ("sort", "groups"): "sort_get",
    ("sort", "store"): "sort_store",
    ("sort_ro", "get"): "sort_ro_get",
    ("spop", "count"): "spop_many",
    ("srandmember", "number"): "srandmember_many",
    ("sugget", "with_payloads"): "sugget_with_payloads",
    ("sugget", "with_scores"): "sugget_with_scores",
    ("xadd", "nomkstream"): "xadd_nomkstream",
    ("xautoclaim", "justid"): "xautoclaim_ids",
    ("xclaim", "justid"): "xclaim_ids",
    ("xinfo_stream", "full"): "xinfo_stream_full",
    ("xreadgroup", "claim_min_idle_time"): "xreadgroup_claim",
    ("list", "withcount"): "list_with_counts",
    ("zadd", "incr"): "zadd_incr",
    ("zdiff", "withscores"): "zdiff_with_scores",
    ("zinter", "withscores"): "zinter_with_scores",
    ("zrandmember", "count"): "zrandmember_many",
    ("zrandmember", "withscores"): "zrandmember_with_scores",
    ("zrange", "withscores"): "zrange_with_scores",
    ("zrangebyscore", "withscores"): "zrangebyscore_with_scores",
    ("zrank", "withscore"): "zrank_with_score",
    ("zrevrange", "withscores"): "zrevrange_with_scores",
    ("zrevrangebyscore", "withscores"): "zrevrangebyscore_with_scores",
    ("zrevrank", "withscore"): "zrevrank_with_score",
    ("zunion", "withscores"): "zunion_with_scores",
}
"""A method of ours for an argument that changes the type of the reply, or the command."""

NO_NUMBER: Final = "write several keys as one list, without their number"

ADVICE: Final[Mapping[str, str]] = {
    "_id": "write id=",
    "_type": "write type=",
    "aggregation_type": "it is aggregator here",
    "bucket_size_msec": "it is bucket_duration here",
    "ignore_max_time_diff": "write ignore=(milliseconds, number)",
    "ignore_max_val_diff": "write ignore=(milliseconds, number)",
    "ktv_tuples": "it is samples here",
    "retention_msecs": "it is retention here",
    "value_from_callable": "the result is what the function returns, which queues with tx.pipeline()",
    "watch_delay": "write backoff=Backoff(base=..., cap=...), in seconds",
    "definition": "write its options by name: on=, prefix=, filter=, language=, score= and others",
    "delete_documents": "write dd=True",
    "default_overflow": "give each set and incrby of a BitField its overflow=",
    "shard_hint": "leave it out: no server has shards of that kind",
    "attributes": "write VectorField(name, HNSW(dim=..., distance_metric=...)), or FLAT or SVSVamana",
    "byint": "write amount",
    "case_sensitive": "write casesensitive=",
    "client_id": "write id=",
    "consumername": "it is consumer here",
    "destKey": "it is destkey here",
    "destination_key": "it is destkey here",
    "errorRate": "it is error_rate here",
    "iter": "it is iterator here",
    "noCreate": "write nocreate=",
    "noScale": "write nonscaling=",
    "data_persist_option": "write nx=True or xx=True, for fields fnx=True or fxx=True",
    "groupid": "it is group here",
    "groupname": "it is group here",
    "options": "write config={name: value}",
    "increment": "write incr=True",
    "index_empty": "write indexempty=True",
    "index_missing": "write indexmissing=True",
    "items": "write mapping={field: value}",
    "max_text_fields": "write maxtextfields=True",
    "message_ids": "it is ids here",
    "no_field_flags": "write nofields=True",
    "no_highlight": "write nohl=True",
    "no_index": "write noindex=True",
    "no_stem": "write nostem=True",
    "no_term_frequencies": "write nofreqs=True",
    "no_term_offsets": "write nooffsets=True",
    "num": "write max=",
    "num_keys": NO_NUMBER,
    "new_master_name": "it is name here",
    "numKeys": NO_NUMBER,
    "numkeys": NO_NUMBER,
    "obj": "it is value here",
    "return_responses": "write sentinel.each(lambda node: node...) for the answer of each sentinel",
    "scalar": "it is value here",
    "service_name": "it is name here",
    "query_params": "write params=",
    "phonetic_matcher": "write phonetic=",
    "push_handler_func": "leave it out: the listeners= of the pool get the server's other pushes",
    "sha": "write sha1=",
    "skip_initial_scan": "write skipinitialscan=True",
    "skipinitial": "write skipinitialscan=True",
    "tagfield": "it is field here",
    "target_nodes": "write client.node(address).method(…), client.method_by_node(…) where there is "
    "one, or client.on_each_node(func, nodes)",
    "score_cast_func": "scores are floats: convert them afterwards",
    "srcKeys": "it is sourcekeys here",
    "start_id": "it is start here",
}
"""What to write for an argument of redis-py, whatever the method."""

RANGES: Final = frozenset(("xpending_range", "xrange", "xrevrange"))
"""Methods whose *start* and *end* are *min* and *max* in redis-py."""

SEVERAL: Final = frozenset(
    (
        *("args", "fields", "keys", "members", "names", "pattern", "quantile", "rank", "section"),
        *("value", "values"),
    )
)
"""Arguments of redis-py that hold what is positional here."""

NEXT: Final[Mapping[str, str]] = {
    "VectorField": "attributes",
    "arinfo": "full",
    "client_kill_filter": "_id",
    "client_list": "_type",
    "explain": "query_params",
    "dropindex": "delete_documents",
    "hrandfield": "count",
    "hscan": "no_values",
    "hscan_iter": "no_values",
    "lcs": "len",
    "list": "withcount",
    "module_loadex": "options",
    "lpop": "count",
    "msetex": "data_persist_option",
    "rpop": "count",
    "search": "query_params",
    "spop": "count",
    "srandmember": "number",
    "xautoclaim": "justid",
    "xinfo_stream": "full",
    "zdiff": "withscores",
    "zrandmember": "count",
    "zrank": "withscore",
    "zrevrange": "withscores",
    "zrevrank": "withscore",
    "zscan": "score_cast_func",
    "zscan_iter": "score_cast_func",
}
"""The positional argument that redis-py has next, if it is not our first keyword-only one."""


def advice_for(name: str) -> str:
    """What to write instead of redis-py's argument *name*, after a colon; nothing if unknown."""
    return f": {ADVICE[name]}" if name in ADVICE else ""

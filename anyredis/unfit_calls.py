"""Calls that do not fit a command method: other clients' spellings, refused with ours named.

Law: nothing here runs for a call that fits.  A call that does not fit is never guessed at: it raises
`DataTypeError`, a `TypeError`, which names the method's own form and, for a spelling of redis-py
that is known here, what to write instead.  No message shows a value, because it may be a secret.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from inspect import Parameter
from typing import Any, Final, ParamSpec, TypeVar

from anyredis.coroutine_functions import mark_coroutine_function
from anyredis.exceptions import DataError, DataTypeError

P = ParamSpec("P")
T = TypeVar("T")


class Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        """A word for signatures."""
        return "<missing>"


MISSING: Final = Missing()
"""The default of a required parameter in a generated function."""

# -- the spellings of redis-py ------------------------------------------------------------------

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


def ambiguous_names(signature: inspect.Signature) -> frozenset[str]:
    """Required parameters by whose names redis-py passes something else.

    redis-py says `hget(name, key)` and `lmpop(num_keys, *keys, direction=...)`; a function that
    takes these by position only can tell both meanings apart.
    """
    parameters = signature.parameters
    names = {"direction", "keys"} | ({"key"} if "field" in parameters else set[str]())
    return frozenset(
        name
        for name in names & set(parameters)
        if parameters[name].kind is Parameter.POSITIONAL_OR_KEYWORD
        if parameters[name].default is Parameter.empty
    )


def advice_for(name: str) -> str:
    """What to write instead of redis-py's argument *name*, after a colon; nothing if unknown."""
    return f": {ADVICE[name]}" if name in ADVICE else ""


def first_option(signature: inspect.Signature) -> str | None:
    """The first keyword-only parameter, if there is one."""
    options = [
        name for name, each in signature.parameters.items() if each.kind is Parameter.KEYWORD_ONLY
    ]
    return options[0] if options else None


# -- refusals -----------------------------------------------------------------------------------


Refused = Callable[[Mapping[str, object]], DataError | None]
"""Gives the error of the first of these arguments that does not fit its parameter's annotation."""


def refit(
    build: Callable[..., Any],
    check: Refused,
    qualname: str,
    on: object,
    given: dict[str, Any],
    rest: tuple[Any, ...],
    more: tuple[Any, ...],
    options: dict[str, Any],
    other: dict[str, Any],
) -> tuple[Any, DataError | None]:
    """The command of a call that gives an argument of *given* by its name; or None, and the error.

    *rest* and *options* fit; *more* and *other* are what fitted no parameter of the function.  The
    error says that they fit none of *build* either, or that an argument is missing or wrong.  It
    is not raised here, because the variables of this frame may hold secrets.
    """
    call = UnfitCall(inspect.signature(build), qualname, type(on))
    try:
        filled, free = _filled(call, given, more, options, other)
        bound = call.signature.bind(on, *filled.values(), *rest, **options, **free)
        bound.apply_defaults()
        if (wrong := check(bound.arguments)) is not None:
            return None, wrong
        return build(*bound.args, **bound.kwargs), None
    except DataError as error:
        return None, error.with_traceback(None)


def _filled(
    call: UnfitCall,
    given: dict[str, Any],
    more: tuple[Any, ...],
    options: dict[str, Any],
    other: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of all parameters in *given*, and those of a builder that takes any."""
    if more:
        raise call.too_many(len(given) + len(more))
    filled, free = dict(given), dict[str, Any]()
    for name, value in other.items():
        if call.takes(name):
            if filled[name] is not MISSING:
                raise call.twice(name)
            filled[name] = value
        elif call.takes_any:
            free[name] = value
        else:
            raise call.unknown(name)
    for name, value in (*filled.items(), *options.items()):
        if value is MISSING:
            raise call.lacking(name)
    return filled, free


def explained(function: Callable[P, T]) -> Callable[P, T]:
    """*function*, which from now on refuses a call that does not fit it as a command method does.

    For methods that are no commands, such as `scan_iter`, and for `__init__`.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            traceback = error.__traceback__
            if traceback is None or traceback.tb_next is not None:
                raise  # by the function itself: its parameters took the arguments
            signature = inspect.signature(function)
            qualname = function.__qualname__.removesuffix(".__init__")
            unfit = UnfitCall(signature, qualname, type(args[0]))
            raise unfit.of(args[1:], kwargs) from None

    return call


def refused(advice: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A method that raises `DataTypeError` with *advice*, whatever it is given.

    For methods of other clients.  They have one parameter, of the type `Never`, so that a checker
    finds that each call lacks an argument.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def refuse(*_args: P.args, **_kwargs: P.kwargs) -> T:
            raise DataTypeError(f"{function.__qualname__}(): {advice}")

        return refuse

    return decorate


def coroutine_method(
    function: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """`explained` for an async function, which stays a coroutine function."""
    return mark_coroutine_function(explained(function))


class UnfitCall:
    """The form of a method, for a call that does not fit it, and the errors that tell of it."""

    def __init__(self, signature: inspect.Signature, qualname: str, owner: type) -> None:
        self.signature = signature
        self._qualname = qualname
        self._owner = owner
        self._method = qualname.rpartition(".")[2]
        _, *self._parameters = signature.parameters.values()

    @property
    def takes_any(self) -> bool:
        """Whether the method takes any keyword argument."""
        return any(each.kind is Parameter.VAR_KEYWORD for each in self._parameters)

    def takes(self, name: str) -> bool:
        """Whether the method has a positional parameter *name* that may be given by its name."""
        kind = Parameter.POSITIONAL_OR_KEYWORD
        return any(each.name == name and each.kind is kind for each in self._parameters)

    def of(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> DataTypeError:
        """The error for a call with these arguments, which do not fit."""
        positional = [each.name for each in self._parameters if each.kind in _POSITIONAL]
        variadic = any(each.kind is Parameter.VAR_POSITIONAL for each in self._parameters)
        if len(args) > len(positional) and not variadic:
            return self.too_many(len(args))
        names = [each.name for each in self._parameters]
        for name in kwargs:
            if name not in names:
                return self.unknown(name)
            if name in positional[: len(args)]:
                return self.twice(name)
        missing = [
            each.name
            for each in self._parameters
            if each.default is Parameter.empty and each.name not in positional[: len(args)]
            if each.name not in kwargs and each.kind in (*_POSITIONAL, Parameter.KEYWORD_ONLY)
        ]
        return self.lacking(missing[0])

    def too_many(self, count: int) -> DataTypeError:
        """The error for more positional arguments than the method has."""
        positional = sum(each.kind in _POSITIONAL for each in self._parameters)
        hint = NEXT.get(self._method)
        option = first_option(self.signature)
        advice = (
            self._advice(hint) if hint is not None else option and f"write {option}=... by name"
        )
        by_name = Parameter.KEYWORD_ONLY
        if any(each.name == "keys" and each.kind is not by_name for each in self._parameters):
            advice = " and ".join(filter(None, (NO_NUMBER, advice)))
        takes = f"takes {positional} positional argument{'' if positional == 1 else 's'}"
        return self._error(f"{takes}, not {count}", advice)

    def unknown(self, name: str) -> DataTypeError:
        """The error for a keyword argument that the method does not have."""
        return self._error(f"has no argument {name!r}", self._advice(name))

    def twice(self, name: str) -> DataTypeError:
        """The error for an argument given by position and by name."""
        numbers = name in {"direction", "keys"}
        advice = NO_NUMBER if numbers else self._fields_advice()
        return self._error(f"got {name!r} by position and by name", advice)

    def lacking(self, name: str) -> DataTypeError:
        """The error for a required argument that is not given."""
        return self._error(f"is missing the argument {name!r}", None)

    def _advice(self, name: str) -> str | None:
        """What to write for *name* of redis-py, if that is known."""
        method = METHODS.get((self._method, name))
        if method is not None and hasattr(self._owner, method):
            return f"write {method}(...)"
        if name == "name" and self._parameters:
            return f"it is {self._parameters[0].name} here"
        if name in ("min", "max") and self._method in RANGES:
            return f"it is {'start' if name == 'min' else 'end'} here"
        variadic = [each.name for each in self._parameters if each.kind is Parameter.VAR_POSITIONAL]
        if name in SEVERAL and variadic:
            return f"write {variadic[0]} by position"
        return ADVICE.get(name)

    def _fields_advice(self) -> str | None:
        names = [each.name for each in self._parameters[:2]]
        return f"its arguments are {' and '.join(names)}"

    def _error(self, problem: str, advice: str | None) -> DataTypeError:
        form = f"{self._method}{self._form()}"
        return DataTypeError(
            f"{self._qualname}() {problem}{'; ' + advice if advice else ''}; its form is {form}"
        )

    def _form(self) -> str:
        """The parameters, without `self` and without annotations."""
        plain = [each.replace(annotation=Parameter.empty) for each in self._parameters]
        return str(inspect.Signature(plain))


_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

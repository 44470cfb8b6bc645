"""All facts of a command as one value, looked up by its name.

Law: the facts of a command are looked up once and passed on. The tables hold the facts of the
servers' commands; `register_command` adds commands of users. An unknown command is taken to write,
not to block and to leave its connection unchanged.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from anyredis.commands.checks import flag
from anyredis.exceptions import DataTypeError, DataValueError
from anyredis.excerpt import excerpt
from anyredis.facts.key_positions import FIRST_KEY, KNOWN, Finder, counted, finder_of, ranged
from anyredis.facts.names import word
from anyredis.facts.policies import (
    ANY_NODE,
    AS_IN_CORE,
    OF_MODULES,
    REQUEST,
    RESPONSE,
    SUBSCRIPTION_REPORTS,
    RequestPolicy,
    ResponsePolicy,
)
from anyredis.facts.table import (
    BLOCK_OPTION,
    CHANGES_CONNECTION,
    CONTAINERS,
    FORBIDDEN,
    READ_ONLY,
    RUNS_COMMANDS,
    SHUTS_DOWN,
    SPECIAL,
    TIMEOUTS,
    full_name,
    is_word,
)
from anyredis.wire.encode import Value

Policy = TypeVar("Policy", RequestPolicy, ResponsePolicy)

RequestPolicyName: TypeAlias = Literal["all_nodes", "all_shards"]
ResponsePolicyName: TypeAlias = Literal[
    "all_succeeded",
    "one_succeeded",
    "agg_sum",
    "agg_min",
    "agg_max",
    "agg_logical_and",
    "agg_logical_or",
]


class Facts(NamedTuple):
    """The facts of the command called *name*."""

    name: bytes
    """In upper case, with the subcommand if it has one."""
    read_only: bool = False
    """Whether two runs leave the server in the same state as one."""
    runs_commands: bool = False
    """Whether it is a script, a function or EXEC, whose error reply may be that of any command."""
    changes_connection: bool = False
    """Whether it changes the state of its connection, and so needs an exclusive one."""
    forbidden: str | None = None
    """The reason why it cannot be sent on any connection; None if it can."""
    container: bool = False
    """Whether the second word of a call is part of the name."""
    timeout: tuple[int, int] | None = None
    """The position of the timeout of a command that blocks, and its units per second."""
    block_option: int | None = None
    """The first possible position of BLOCK, for a command that blocks only with that option."""
    shuts_down: bool = False
    """Whether the server answers it by closing the connection, unless it fails."""
    find_keys: Finder | None = None
    """Finds its keys; None for an unknown command."""
    request: RequestPolicy | None = None
    """The nodes of a cluster that it goes to; None: the nodes of its keys."""
    response: ResponsePolicy | None = None
    """The aggregation of the replies of several nodes."""
    any_node: bool = False
    """Whether any node of a cluster may answer a call without keys."""

    @property
    def shown(self) -> str:
        """The name, for messages."""
        return self.name.decode("ascii", "replace")

    def key_positions(self, args: tuple[Value, ...]) -> Sequence[int] | None:
        """The positions of the keys in *args*, in order; None for an unknown command.

        Raises `DataValueError` as a `Finder` does.
        """
        return None if self.find_keys is None else self.find_keys(self.name, args)

    def blocks(self, args: tuple[Value, ...]) -> bool:
        """Whether the server may delay its reply to *args* until an event."""
        return (
            self.timeout is not None
            or self._milliseconds(args) is not None
            or self.ends_connection(args)
        )

    def ends_connection(self, args: tuple[Value, ...]) -> bool:
        """Whether the server answers *args* by closing the connection, unless it fails."""
        return self.shuts_down and b"ABORT" not in map(word, args)

    def blocking_seconds(self, args: tuple[Value, ...]) -> float | None:
        """The time by which the server may delay its reply, in seconds; 0.0 if it does not block.

        None means forever, also for a timeout that is not a number: the server refuses that.
        """
        if self.ends_connection(args):
            return None
        if self.timeout is not None:
            position, units = self.timeout
            is_given = -len(args) <= position < len(args)
            return _seconds(args[position], units) if is_given else None
        option = self._milliseconds(args)
        return 0.0 if option is None else _seconds(option, 1000)

    def _milliseconds(self, args: tuple[Value, ...]) -> Value | None:
        """The argument after BLOCK in *args*; None without that option."""
        if self.block_option is None:
            return None
        words = iter(args[self.block_option :])
        for each in words:
            option = word(each)
            if option == b"BLOCK":
                return next(words, None)
            if option == b"STREAMS":
                return None
        return None


def _seconds(value: Value, units: int) -> float | None:
    try:
        timeout = float(value)
    except ValueError:
        return None
    return timeout / units if math.isfinite(timeout) and timeout > 0 else None


_known: dict[Any, Facts] = {}
"""Facts that were looked up or registered before: only names in a table or registered ones."""

ORDINARY: Final = {name.partition(b" ")[0] for name in KNOWN} - SPECIAL
"""First words of commands that need no lookup: they neither block nor change their connection.

A name in any other spelling, and any unknown name, is looked up, which also refuses what no name
can be.  `register_command` adds registered commands that do not block.
"""

KEY_POSITION: Final[dict[Any, int]] = {**FIRST_KEY, b"PUBLISH": 1}
"""The position of the argument by whose slot an ordinary command is routed, if it is always there.

The channel of PUBLISH is no key, but messages that come from one node stay in their order.
"""

_registered: dict[bytes, tuple[object, ...]] = {}
"""The declaration of each registered command."""


def facts_of(args: tuple[Value, ...]) -> Facts:
    """The facts of the command in *args*."""
    name = args[0]
    if type(name) is bytes:  # as in all command methods
        facts = _known.get(name)
        if facts is not None and not facts.container:
            return facts
    name = full_name(args)
    return _known.get(name) or _learn(name)


def _learn(name: bytes) -> Facts:
    """The facts of *name*, kept if a table has it: the number of unknown names is unbounded.

    Raises `DataValueError` for what no name can be: the server may read another name in it.
    """
    first, space, second = name.partition(b" ")
    if not is_word(first) or (space and not (first in CONTAINERS and is_word(second))):
        first = first.partition(b"\0")[0]
        raise DataValueError(
            f"{first.decode('ascii', 'replace'):.40}: the name of a command or subcommand has a "
            "space, a control character or no ASCII in it: give each word as an argument of its own"
        )
    facts = _from_tables(name)
    if facts.find_keys is not None or facts.container:
        _known[name] = facts
    return facts


def _from_tables(name: bytes) -> Facts:
    alike = AS_IN_CORE.get(name, name)
    request, response = OF_MODULES.get(name) or (REQUEST.get(alike), RESPONSE.get(alike))
    if name in SUBSCRIPTION_REPORTS:
        request, response = RequestPolicy.ALL_NODES, SUBSCRIPTION_REPORTS[name]
    return Facts(
        name,
        read_only=name in READ_ONLY,
        runs_commands=name in RUNS_COMMANDS,
        changes_connection=name in CHANGES_CONNECTION,
        forbidden=FORBIDDEN.get(name),
        container=name in CONTAINERS,
        timeout=TIMEOUTS.get(name),
        block_option=BLOCK_OPTION.get(name),
        shuts_down=name in SHUTS_DOWN,
        find_keys=finder_of(name),
        request=request,
        response=response,
        any_node=name in ANY_NODE,
    )


def register_command(
    name: str | bytes,
    *,
    first_key: int = 0,
    last_key: int | None = None,
    key_step: int = 1,
    numkeys: int | None = None,
    read_only: bool = False,
    timeout_position: int | None = None,
    request_policy: RequestPolicyName | None = None,
    response_policy: ResponsePolicyName | None = None,
) -> None:
    """Declare the facts of a command of your own, or of a module, to all clients of this process.

    *name* is one word, such as `"MY.CMD"`. *first_key*, *last_key* and *key_step* are those of the
    server's `COMMAND INFO`, and positions count from 0, which is the name: the first key, the last
    one (by default the first; negative: counted from the end, -1 being the last argument), and the
    distance from one key to the next. A *first_key* of 0 means that it has no keys. So
    `first_key=1` is for `MY.CMD key …`, and `first_key=1, last_key=-1` for `MY.CMD key [key …]`.
    For `MY.CMD numkeys key [key …]` give *numkeys* instead: the position of the argument that is
    the number of keys after it, here 1.

    *read_only* commands may be sent again if their reply was lost, and a replica may answer them.
    A command that blocks has its timeout, in seconds, at *timeout_position* (negative: from the
    end): it then gets an exclusive connection.

    In a cluster the command goes to the slot of its keys; if it only reads and has none, to any
    primary. With the *request_policy* `"all_shards"` it goes to every primary, with `"all_nodes"`
    to the replicas too, and *response_policy* is the aggregation of their replies (`"agg_sum"` …;
    without one, arrays are joined). Any other command without keys has to be called on a node.

    Raises `DataError` for a name that the servers have already or that was registered with other
    facts, and for positions that are out of range or contradict each other. Registering the same
    facts twice does nothing.
    """
    key = _checked_name(name)
    flag("register_command: read_only", read_only)
    _check_positions(first_key, last_key, key_step, numkeys, timeout_position)
    if request_policy is not None and (first_key or numkeys):
        raise DataValueError(f"{key.decode()}: give request_policy or first_key, not both")
    if response_policy is not None and request_policy is None:
        raise DataValueError(f"{key.decode()}: response_policy needs request_policy beside it")
    last = first_key if last_key is None else last_key
    facts = Facts(
        key,
        read_only=read_only,
        timeout=None if timeout_position is None else (timeout_position, 1),
        find_keys=ranged(first_key, last, key_step) if numkeys is None else counted(numkeys),
        request=_policy(RequestPolicy, "request_policy", request_policy),
        response=_policy(ResponsePolicy, "response_policy", response_policy),
        any_node=read_only and not (first_key or numkeys or request_policy),
    )
    declared = (
        *(first_key, last, key_step, numkeys),
        *(facts.read_only, facts.timeout, facts.request, facts.response),
    )
    if _registered.setdefault(key, declared) != declared:
        raise DataValueError(f"{key.decode()} is registered already, with other facts")
    _known[key] = facts
    if facts.timeout is None:
        ORDINARY.add(key)


def _checked_name(name: str | bytes) -> bytes:
    """*name* as it is looked up; raises `DataError` if a user's command cannot have it."""
    if not isinstance(name, (str, bytes)):
        raise DataTypeError(f"a command's name has to be str or bytes, not {excerpt(name, 80)}")
    key = word(name)
    if not key or not key.isascii() or not key.decode().isprintable() or b" " in key:
        raise DataValueError(
            f"a command's name has to be one word of ASCII, not {excerpt(name, 80)}"
        )
    if finder_of(key) is not None or key in CONTAINERS:
        raise DataValueError(f"{key.decode()} is a command of the servers, whose facts are known")
    return key


def _check_positions(
    first: int, last: int | None, step: int, numkeys: int | None, timeout: int | None
) -> None:
    given = {
        "first_key": first,
        "last_key": last,
        "key_step": step,
        "numkeys": numkeys,
        "timeout_position": timeout,
    }
    for name, number in given.items():
        if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
            raise DataTypeError(f"{name} has to be an int, not {excerpt(number, 80)}")
    if first < 0:
        raise DataValueError(f"first_key has to be 0 (no keys) or more, not {first}")
    if last is not None and 0 <= last < first:
        raise DataValueError(f"last_key has to be first_key or more, or negative, not {last}")
    if last and not first:
        raise DataValueError("last_key needs first_key beside it")
    if step < 1:
        raise DataValueError(f"key_step has to be 1 or more, not {step}")
    if numkeys is not None and (numkeys < 1 or first or last):
        raise DataValueError(
            f"numkeys is the position of an argument, from 1 up, instead of first_key; not {numkeys}"
        )
    if timeout == 0:
        raise DataValueError("timeout_position 0 is the name of the command")


_GENERIC_POLICIES = {
    RequestPolicy: (RequestPolicy.ALL_NODES, RequestPolicy.ALL_SHARDS),
    ResponsePolicy: tuple(each for each in ResponsePolicy if each is not ResponsePolicy.SPECIAL),
}
"""The policies that need no knowledge of a particular command."""


def _policy(kind: type[Policy], name: str, given: str | None) -> Policy | None:
    if given is None:
        return None
    allowed = {each.value: each for each in kind if each in _GENERIC_POLICIES[kind]}
    if given not in allowed:
        raise DataValueError(
            f"{name} has to be one of {', '.join(allowed)}, not {excerpt(given, 80)}"
        )
    return allowed[given]

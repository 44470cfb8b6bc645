"""Reports of all nodes: a method `…_by_node` for each command by which a node reports on itself.

Law: such a method has the parameters of the one-node method, and is made from the same definition;
it gives a dict by address.  `anyredis.facts.policies.BY_NODE` has the same commands by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from types import MethodType
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from anyredis.client.node_client import NodeClient
from anyredis.cluster.node_access import NodeAccess
from anyredis.command import Executor
from anyredis.coroutine_functions import mark_coroutine_function
from anyredis.methods import AWAITED, Body, Place, make_method, parsed_type
from anyredis.replies import S

T = TypeVar("T")
P = ParamSpec("P")

AWAITED_BY_NODE: Final[Body] = ("_coroutine_ = {self}.submit_to_all(_command_)", *AWAITED[1:])
"""Return the coroutine of `submit_to_all`, under the name of the function."""

DOC: Final = """\
By the address of each node, replicas too: what `{name}` gives there.

All nodes are asked at the same time.  Raises `PartialFailureError` if a node fails, and
`MaxConnectionsError`, before anything is sent, if a strict pool lacks a lease for each node.
`{name}` gives:

{doc}"""


class NodesMethod(Protocol[P, T]):
    """A method that runs a command on all nodes, as checkers see it."""

    @overload
    def __get__(
        self, on: Executor, owner: object
    ) -> Callable[P, Coroutine[Any, Any, dict[str, T]]]: ...
    @overload
    def __get__(
        self, on: None, owner: object
    ) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, dict[str, T]]]: ...


class NodesDefinition:
    """The method that runs the command of *choose* on all nodes; its function is made when used.

    A class has a function of its own, under its own name.  The functions are kept here and not in
    the classes, so that a class may redefine the method and call this one by `super()`.
    """

    def __init__(self, choose: Callable[[], Callable[..., Any]]) -> None:
        self._choose = choose
        self._name = ""
        self._functions: dict[type, Callable[..., Any]] = {}

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, on: object, owner: type) -> Callable[..., Any]:
        function = self._functions.get(owner)
        if function is None:
            function = self._functions[owner] = self._make(owner)
        return function if on is None else MethodType(function, on)

    def _make(self, owner: type) -> Callable[..., Any]:
        method = self._choose()
        build, place = inspect.unwrap(method), Place.of(owner, self._name)
        function = make_method(build, place, AWAITED_BY_NODE, _dict_by_address)
        doc = inspect.cleandoc(build.__doc__ or "")
        function.__doc__ = DOC.format(name=method.__name__, doc=doc)
        return mark_coroutine_function(function)


def _dict_by_address(annotation: object) -> object:
    parsed = parsed_type(annotation)
    return f"dict[str, {parsed}]" if isinstance(parsed, str) else dict[str, parsed]  # type: ignore[valid-type]


def by_node(
    choose: Callable[[], Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]],
) -> NodesMethod[P, T]:
    """A method for all nodes, from the method of one node that *choose* gives.

    *choose* is called at the first use: the methods of `NodeClient` are made then, not at import.
    """
    return cast("NodesMethod[P, T]", NodesDefinition(choose))


class ReportsByNode(NodeAccess[S], Generic[S]):
    """The reports of all nodes, each as a dict by address.

    Any other command runs on all nodes by `on_each_node`.
    """

    # The server: its state, settings and connections.
    info_by_node = by_node(lambda: NodeClient[S].info)
    config_get_by_node = by_node(lambda: NodeClient[S].config_get)
    client_list_by_node = by_node(lambda: NodeClient[S].client_list)
    dbsize_by_node = by_node(lambda: NodeClient[S].dbsize)
    acl_log_by_node = by_node(lambda: NodeClient[S].acl_log)
    module_list_by_node = by_node(lambda: NodeClient[S].module_list)
    function_stats_by_node = by_node(lambda: NodeClient[S].function_stats)

    # What a node has recorded.
    slowlog_get_by_node = by_node(lambda: NodeClient[S].slowlog_get)
    slowlog_len_by_node = by_node(lambda: NodeClient[S].slowlog_len)
    commandlog_get_by_node = by_node(lambda: NodeClient[S].commandlog_get)
    commandlog_len_by_node = by_node(lambda: NodeClient[S].commandlog_len)
    hotkeys_get_by_node = by_node(lambda: NodeClient[S].hotkeys_get)
    latency_latest_by_node = by_node(lambda: NodeClient[S].latency_latest)
    latency_history_by_node = by_node(lambda: NodeClient[S].latency_history)
    latency_histogram_by_node = by_node(lambda: NodeClient[S].latency_histogram)
    latency_doctor_by_node = by_node(lambda: NodeClient[S].latency_doctor)
    latency_graph_by_node = by_node(lambda: NodeClient[S].latency_graph)

    # Its memory.
    memory_stats_by_node = by_node(lambda: NodeClient[S].memory_stats)
    memory_doctor_by_node = by_node(lambda: NodeClient[S].memory_doctor)
    memory_malloc_stats_by_node = by_node(lambda: NodeClient[S].memory_malloc_stats)

    # Its data, and its place in the cluster.
    role_by_node = by_node(lambda: NodeClient[S].role)
    lastsave_by_node = by_node(lambda: NodeClient[S].lastsave)
    cluster_info_by_node = by_node(lambda: NodeClient[S].cluster_info)
    cluster_links_by_node = by_node(lambda: NodeClient[S].cluster_links)
    cluster_myid_by_node = by_node(lambda: NodeClient[S].cluster_myid)
    cluster_myshardid_by_node = by_node(lambda: NodeClient[S].cluster_myshardid)

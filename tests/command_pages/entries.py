"""The methods that the pages list: those of clients, sessions, pipelines and sentinels.

Each stands on the page of its module, at the first class that has it.  Whatever the classes inherit
is found, so a new method or group needs nothing here; a group without a title has its module's name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from anyredis import Redis, RedisCluster, Sentinel
from anyredis.client.pipeline import Pipeline
from anyredis.client.session import Session
from tests.commands.documented import Documented, Statement, documented, statement_of
from tests.commands.modules.plans import NAMESPACES

CLASSES: Final[tuple[type[Any], ...]] = (Redis, Session, RedisCluster, Pipeline, Sentinel)

SHOWN_ON: Final[dict[str, type[Any]]] = {
    "clients": Redis,
    "clusters": RedisCluster,
    "sessions": Session,
    "pipelines": Pipeline,
}
"""What a command may be called on."""

INTERNAL: Final = {
    *("end", "new_keyspace_placement", "new_placement", "notification_flags"),
    *("open_cursor", "submit_explained", "submit_found"),
}
"""What parts of anyredis ask of each other."""

PAGES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "keys": ("Keys", ("keys", "key_expiry", "sorting")),
    "strings": ("Strings", ("strings", "counters")),
    "bitmaps": ("Bitmaps", ("bitmaps",)),
    "hashes": ("Hashes", ("hashes", "hash_expiry", "hash_import")),
    "lists": ("Lists", ("lists", "blocking_lists")),
    "sets": ("Sets", ("sets",)),
    "sorted_sets": (
        "Sorted sets",
        ("sorted_sets", "sorted_set_ranges", "sorted_set_combinations"),
    ),
    "streams": ("Streams", ("streams", "stream_groups", "stream_info")),
    "hyperloglogs": ("HyperLogLogs", ("hyperloglogs",)),
    "geo": ("Places", ("geo",)),
    "vector_sets": ("Vector sets", ("vector_sets",)),
    "arrays": ("Arrays", ("arrays",)),
    "pubsub": ("Pub/sub", ("pubsub",)),
    "scripting": ("Scripts and functions", ("scripting", "functions")),
    "sessions": ("Sessions", ("session",)),
    "connection": ("Connections", ("connection",)),
    "acl": ("Users", ("acl",)),
    "server": (
        "The server",
        (
            *("server", "command_facts", "latency", "hotkeys", "persistence", "backups"),
            *("module_loading", "replication", "shutdown"),
        ),
    ),
    "bf": ("Bloom filters", ("bf",)),
    "cf": ("Cuckoo filters", ("cf",)),
    "cms": ("Count-min sketches", ("cms",)),
    "json": ("JSON", ("json_documents", "json_parts")),
    "ft": ("Search", ("ft", "search_indexes", "search_terms", "search_queries", "aggregations")),
    "tdigest": ("t-digests", ("tdigest",)),
    "topk": ("Top-k lists", ("topk",)),
    "ts": ("Time series", ("ts",)),
    "cluster": ("Clusters", ("cluster_reports", "cluster_admin", "cluster")),
    "sentinels": ("Sentinels", ("sentinel",)),
    "clients": ("Clients and pipelines", ("client", "pool")),
}
"""The title of each page, and its modules of `anyredis.commands` or packages of `anyredis`."""

PAGE_OF: Final = {module: page for page, (_, modules) in PAGES.items() for module in modules}

DOCUMENTED: Final = documented()


class Entry(NamedTuple):
    """One method."""

    page: str
    owner: str
    """The first of the classes that has it."""

    name: str
    signature: str
    prose: str
    """The docstring, without the statement at its end."""

    end: Statement | None
    """That statement; a method that is no command has none."""

    called_on: tuple[str, ...]

    namespace: str | None = None
    """The attribute of a client that has it, if the client itself does not."""

    @property
    def title(self) -> str:
        """Its name, after that of a namespace, or of a class if it is not a method of `Redis`."""
        if self.namespace is not None:
            return f"{self.namespace}.{self.name}"
        return self.name if self.owner == "Redis" else f"{self.owner}.{self.name}"

    @property
    def gives(self) -> str:
        """The first paragraph of its docstring in one line."""
        return " ".join(self.prose.partition("\n\n")[0].split())

    @property
    def command(self) -> Documented | None:
        """What the servers document about the command that it sends."""
        words = self.end.syntax.rstrip(".").split() if self.end else []
        names = (" ".join(words[:count]) for count in (3, 2, 1))
        return next((DOCUMENTED[name] for name in names if name in DOCUMENTED), None)


def is_there(class_: type[Any], name: str) -> bool:
    """Whether *class_* has the method, and does not refuse each call of it."""
    function = getattr(class_, name, None)  # a name that only has advice raises AttributeError
    if not callable(function):
        return False
    code = getattr(function, "__code__", None)
    refuses = code is not None and code.co_freevars == ("_refuse_",)
    return not refuses and "not_here" not in parameters(function)


def is_called(class_: type[Any], name: str, end: Statement | None) -> bool:
    """Whether *class_* has the method, or one of the same name that sends the same words."""
    if not is_there(class_, name):
        return False
    other = statement_of(inspect.getdoc(getattr(class_, name)) or "")
    return (other and other.syntax) == (end and end.syntax)


def parameters(function: Callable[..., Any]) -> list[str]:
    """The names of the parameters of a method."""
    return list(inspect.signature(function).parameters)


def page_of(module: str) -> str:
    """The page for the methods that *module* declares."""
    _, package, *inner = module.split(".")
    part = inner[-1] if package == "commands" and inner else package
    return PAGE_OF.get(part, part)


class Unquoted:
    """An annotation that is text, in the signature that is shown."""

    def __init__(self, annotation: object) -> None:
        self._annotation = annotation

    def __repr__(self) -> str:
        text = self._annotation
        shown = text if isinstance(text, str) else inspect.formatannotation(text)
        return shown.replace("builtins.", "")  # `list`, where a method has that name


def signature_of(function: Callable[..., Any], name: str) -> str:
    """The parameters and the result, as they stand in the code."""
    signature = inspect.signature(function)
    shown = [
        each.replace(annotation=Unquoted(each.annotation))
        for each in signature.parameters.values()
        if each.name not in {"self", "cls"}
    ]
    result = Unquoted(signature.return_annotation)
    return f"{name}{signature.replace(parameters=shown, return_annotation=result)}"


def entry(class_: type[Any], name: str) -> Entry:
    """The method of *class_*."""
    function = getattr(class_, name)
    text = inspect.getdoc(function) or ""
    end = statement_of(text)
    return Entry(
        page_of(inspect.unwrap(function).__module__),
        class_.__name__,
        name,
        signature_of(function, name),
        text if end is None else end.prose,
        end,
        tuple(place for place, each in SHOWN_ON.items() if is_called(each, name, end)),
    )


def entries() -> Iterator[Entry]:
    """All methods; one that several classes inherit is told once."""
    told = set[tuple[str, str, str]]()
    for class_ in CLASSES:
        for name in dir(class_):
            if name.startswith("_") or name in INTERNAL or not is_there(class_, name):
                continue
            if name in NAMESPACES:
                continue
            declaration = inspect.unwrap(getattr(class_, name))
            declared = declaration.__module__, declaration.__qualname__, name
            if declared not in told and declared[0].startswith("anyredis."):
                told.add(declared)
                yield entry(class_, name)
    for namespace in NAMESPACES:
        yield from entries_of(namespace)


def entries_of(namespace: str) -> Iterator[Entry]:
    """All methods of a namespace: those of a client, which a pipeline need not have."""
    class_ = getattr(Redis, namespace)
    on_pipelines = getattr(Pipeline, namespace)
    for name in dir(class_):
        if name.startswith("_") or name == "submit" or not is_there(class_, name):
            continue
        found = entry(class_, name)
        places = [
            place for place in SHOWN_ON if place != "pipelines" or is_there(on_pipelines, name)
        ]
        signature = f"{namespace}.{found.signature}"
        yield found._replace(
            page=namespace, called_on=tuple(places), namespace=namespace, signature=signature
        )

"""The functions by which a client writes and reads JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from anyredis.exceptions import DataTypeError
from anyredis.excerpt import excerpt

READY_MADE: Final = "anyredis.json has orjson_codec(), msgspec_codec() and pydantic_codec()"


class JsonCodec:
    """The functions by which a client writes and reads JSON: `Redis(json_codec=JsonCodec(…))`.

    *dumps* gives the JSON text of a value, as str or as UTF-8 bytes, and raises an exception if it
    has none.  *loads* gives the value of a JSON text, which it gets as UTF-8 bytes.  *loads_as* is
    for `client.json.get(key, type=T)`: it gets *T*, and gives the function that reads JSON as a
    *T*; without it pydantic or msgspec reads, whichever *T* is made for and is installed.
    *convert_as* is for `client.ft.search_as(…, type=T)`, which has fields as text beside what *loads*
    gave: it gets *T*, and gives the function that makes a *T* of a dict, in which numbers may be
    texts; without it pydantic or msgspec does that, too.
    *not_finite* are the words that *dumps* may write for a NaN or an infinity: only a document that
    has one of them is searched for those, which are refused.

    Raises `DataTypeError` if one of them cannot be called.
    """

    __slots__ = ("convert_as", "dumps", "loads", "loads_as", "not_finite")

    def __init__(
        self,
        dumps: Callable[[Any], str | bytes],
        loads: Callable[[bytes], Any],
        loads_as: Callable[[Any], Callable[[bytes], Any]] | None = None,
        *,
        convert_as: Callable[[Any], Callable[[dict[str, Any]], Any]] | None = None,
        not_finite: Collection[bytes] = (b"null", b"NaN", b"Infinity"),
    ) -> None:
        functions: dict[str, object] = {"dumps": dumps, "loads": loads}
        optional = {"loads_as": loads_as, "convert_as": convert_as}
        functions |= {name: given for name, given in optional.items() if given is not None}
        for name, function in functions.items():
            if not callable(function):
                msg = f"JsonCodec: {name} is {excerpt(function)}: give a function"
                raise DataTypeError(msg)
        self.dumps: Final = dumps
        self.loads: Final = loads
        self.loads_as: Final = loads_as
        self.convert_as: Final = convert_as
        self.not_finite: Final = tuple(not_finite)

    def __repr__(self) -> str:
        return f"<JsonCodec {_name(self.dumps)}, {_name(self.loads)}>"


def checked_codec(codec: JsonCodec | None) -> JsonCodec | None:
    """*codec*; raises `DataTypeError` if it is neither a `JsonCodec` nor None."""
    if codec is not None and not isinstance(codec, JsonCodec):
        raise DataTypeError(
            "json_codec has to be an anyredis.json.JsonCodec or None, not "
            f"{excerpt(codec)}: write JsonCodec(dumps, loads); {READY_MADE}"
        )
    return codec


def _name(function: Callable[..., object]) -> str:
    """The name of *function* as people write it."""
    name: str = getattr(function, "__qualname__", type(function).__qualname__)
    module: str | None = getattr(function, "__module__", None)
    return f"{module}.{name}" if module else name

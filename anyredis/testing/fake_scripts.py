"""Scripts and functions of the Redis in memory: Python functions in place of Lua.

Law: a server knows the script of a text only once it was loaded or run there, as a real one does;
the Python functions, which a test registers, are there from the beginning.  Libraries are loaded by
their code, of which only the names are read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar

from anyredis.exceptions import RedisError, from_server
from anyredis.facts.lookup import facts_of
from anyredis.testing.data import Words
from anyredis.testing.known_command import matcher, syntax_error, unknown_subcommand
from anyredis.testing.resp import Answer, Nothing

C = TypeVar("C")

_NUMBER: Final = re.compile(rb"[0-9]+")
_HEAD: Final = re.compile(rb"#!(\w+)\s+name=(\w+)\s*(?:\n|$)")
_FUNCTION: Final = re.compile(
    rb"""register_function\(\s*['"](\w+)['"]|function_name\s*=\s*['"](\w+)['"]"""
)

NOT_FOUND: Final = "ERR Function not found"


class ScriptCall:
    """One call of a script or a function: what Lua finds in `KEYS`, `ARGV` and `redis.call`."""

    def __init__(
        self, keys: list[bytes], args: list[bytes], run: Callable[[Words], Answer]
    ) -> None:
        self.keys = keys
        """The keys, as bytes."""
        self.args = args
        """The other arguments, as bytes."""
        self._run = run

    def __repr__(self) -> str:
        return f"<ScriptCall {len(self.keys)} keys, {len(self.args)} arguments>"

    def call(self, *words: bytes | str | float) -> Any:
        """The fake's answer to a command on data; its error is raised, as by `redis.call`."""
        answer = self._run(tuple(map(_sent, words)))
        if isinstance(answer, RedisError):
            raise answer
        return None if isinstance(answer, Nothing) else answer


PythonFunction: TypeAlias = Callable[[ScriptCall], Answer]
"""Stands for a script or a function: takes the call, and gives the answer."""


class PythonFunctions:
    """The Python functions that a test has registered."""

    def __init__(self) -> None:
        self.scripts: dict[bytes, PythonFunction] = {}
        """By the SHA1 of the script, in hexadecimal digits."""
        self.functions: dict[bytes, PythonFunction] = {}
        """By the name of the function."""

    def script(self, lua: str | bytes, function: PythonFunction) -> None:
        """Run *function* for the script with the text *lua*."""
        self.scripts[sha_of(lua.encode() if isinstance(lua, str) else lua)] = function

    def function(self, name: str, function: PythonFunction) -> None:
        """Run *function* for FCALL of *name*, once a library with that name is loaded."""
        self.functions[name.encode()] = function


class FakeScripts(Generic[C]):
    """The scripts and libraries of one server, which runs commands on data with *run*."""

    def __init__(self, run: Callable[[C, Words], Answer]) -> None:
        self.python = PythonFunctions()
        self.loaded: dict[bytes, bytes] = {}
        """The texts of the scripts that it has, by their SHA1."""
        self.libraries: dict[bytes, bytes] = {}
        """The codes of the libraries that it has, by name; replicas share them."""
        self._run = run

    @property
    def commands(self) -> Mapping[bytes, Callable[[C, Words], Answer]]:
        """The commands on scripts and functions."""
        return {
            b"EVAL": self._eval,
            b"EVAL_RO": lambda client, words: self._eval(client, words, reads=True),
            b"EVALSHA": self._evalsha,
            b"EVALSHA_RO": lambda client, words: self._evalsha(client, words, reads=True),
            b"FCALL": self._fcall,
            b"FCALL_RO": lambda client, words: self._fcall(client, words, reads=True),
            b"FUNCTION": self._function,
            b"SCRIPT": self._script,
        }

    # -- scripts --------------------------------------------------------------------------------

    def _eval(self, client: C, words: Words, *, reads: bool = False) -> Answer:
        text, *rest = words
        sha = sha_of(text)
        self.loaded[sha] = text
        return self._run_script(client, sha, rest, reads=reads)

    def _evalsha(self, client: C, words: Words, *, reads: bool = False) -> Answer:
        name, *rest = words
        sha = name.lower()
        if sha not in self.loaded:
            return from_server("NOSCRIPT No matching script. Please use EVAL.")
        return self._run_script(client, sha, rest, reads=reads)

    def _run_script(self, client: C, sha: bytes, rest: list[bytes], *, reads: bool) -> Answer:
        function = self.python.scripts.get(sha)
        if function is None:
            return from_server(
                "ERR the fake runs no Lua: give it a Python function with "
                f"server.script(lua, function), for the script {sha.decode()}"
            )
        return self._call(client, function, rest, reads=reads)

    def _script(self, _client: C, words: Words) -> Answer:
        match words[0].upper(), words[1:]:
            case b"LOAD", (text,):
                sha = sha_of(text)
                self.loaded[sha] = text
                return sha
            case b"EXISTS", (first, *others):
                return [int(sha.lower() in self.loaded) for sha in (first, *others)]
            case b"FLUSH", ():
                self.loaded.clear()
            case b"FLUSH", (mode,) if mode.upper() in (b"SYNC", b"ASYNC"):
                self.loaded.clear()
            case _:
                return unknown_subcommand("SCRIPT", words[0])
        return "OK"

    # -- functions ------------------------------------------------------------------------------

    def _fcall(self, client: C, words: Words, *, reads: bool = False) -> Answer:
        name, *rest = words
        if not any(name in functions_in(code) for code in self.libraries.values()):
            return from_server(NOT_FOUND)
        function = self.python.functions.get(name)
        if function is None:
            return from_server(
                "ERR the fake runs no Lua: give it a Python function with "
                f"server.function({name.decode()!r}, function)"
            )
        return self._call(client, function, rest, reads=reads)

    def _function(self, _client: C, words: Words) -> Answer:
        match words[0].upper(), words[1:]:
            case b"LOAD", (code,):
                return self._load(code, replace=False)
            case b"LOAD", (option, code) if option.upper() == b"REPLACE":
                return self._load(code, replace=True)
            case b"DELETE", (name,):
                if self.libraries.pop(name, None) is None:
                    return from_server("ERR Library not found")
            case b"FLUSH", ():
                self.libraries.clear()
            case b"FLUSH", (mode,) if mode.upper() in (b"SYNC", b"ASYNC"):
                self.libraries.clear()
            case b"LIST", options:
                return self._list(list(options))
            case _:
                return unknown_subcommand("FUNCTION", words[0])
        return "OK"

    def _load(self, code: bytes, *, replace: bool) -> Answer:
        head = _HEAD.match(code)
        if head is None:
            return from_server("ERR Missing library metadata")
        name = head[2]
        if name in self.libraries and not replace:
            return from_server(f"ERR Library '{name.decode()}' already exists")
        others = [each for library, each in self.libraries.items() if library != name]
        taken = {function for each in others for function in functions_in(each)}
        if taken.intersection(functions_in(code)):
            return from_server("ERR Function already exists")
        self.libraries[name] = code
        return name

    def _list(self, options: list[bytes]) -> Answer:
        fits, with_code = matcher(b"*"), False
        while options:
            option = options.pop(0).upper()
            if option == b"WITHCODE":
                with_code = True
            elif option == b"LIBRARYNAME" and options:
                fits = matcher(options.pop(0))
            else:
                raise syntax_error()
        return [
            _described(name, code, with_code=with_code)
            for name, code in self.libraries.items()
            if fits(name)
        ]

    # -- both -----------------------------------------------------------------------------------

    def _call(
        self, client: C, function: PythonFunction, rest: list[bytes], *, reads: bool
    ) -> Answer:
        number, *words = rest
        if not _NUMBER.fullmatch(number):
            return from_server("ERR value is not an integer or out of range")
        count = int(number)
        if count > len(words):
            return from_server("ERR Number of keys can't be greater than number of args")

        def run(command: Words) -> Answer:
            if reads and not facts_of(command).read_only:
                return from_server("ERR Write commands are not allowed from read-only scripts.")
            return self._run(client, command)

        call = ScriptCall(words[:count], words[count:], run)
        try:
            return _as_lua_answers(function(call))
        except RedisError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the client gets it, as an error of the script
            kind = type(error).__name__
            return from_server(f"ERR the Python function of a script raised {kind}: {error}")


def sha_of(text: bytes) -> bytes:
    """The SHA1 of *text*, in hexadecimal digits."""
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()


def functions_in(code: bytes) -> list[bytes]:
    """The names of the functions that a library registers."""
    return [first or second for first, second in _FUNCTION.findall(code)]


def _sent(word: bytes | str | float) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()


def _as_lua_answers(answer: Answer) -> Answer:
    """*answer* as Lua turns values into replies: no booleans, no fractions."""
    if answer is True:
        return 1
    if answer is False:
        return None
    if isinstance(answer, float):
        return int(answer)
    if isinstance(answer, list):
        return [_as_lua_answers(each) for each in answer]
    return answer


def _described(name: bytes, code: bytes, *, with_code: bool) -> Answer:
    described: dict[Answer, Answer] = {
        b"library_name": name,
        b"engine": b"LUA",
        b"functions": [
            {b"name": each, b"description": None, b"flags": []} for each in functions_in(code)
        ],
    }
    return {**described, b"library_code": code} if with_code else described

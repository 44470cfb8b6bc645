"""The types of `client.json` as checkers see them: documents of a type are of that type."""

from __future__ import annotations

from typing import Any, TypedDict, assert_type

from anyredis import Commands, Pipeline, Redis, RedisCluster, Result, Session
from anyredis.command import Command
from tests.commands.modules.plans import TextPlan


class User(TypedDict):
    """A document."""

    name: str


async def on_clients(
    client: Redis[str] | RedisCluster[str] | Session[str] | Commands[str], raw: Redis[bytes]
) -> None:
    """A call is awaited."""
    assert_type(await client.json.get("k"), Any)
    assert_type(await client.json.get("k", "$.a", ".b", no_escape=True), Any)
    assert_type(await client.json.get("k", type=None), Any)
    assert_type(await client.json.get("k", type=User), User | None)
    assert_type(await client.json.get("k", "$.name", type=list[str]), list[str] | None)
    assert_type(await client.json.mget(["a", "b"], "$"), list[Any])
    assert_type(await client.json.mget(["a", "b"], ".", type=User), list[User | None])
    assert_type(await raw.json.get("k", type=User), User | None)
    assert_type(await client.json.set("k", "$", {"a": 1}), bool)
    assert_type(await client.json.mset([("k", "$", 1), ("l", b"$", {})]), bool)
    assert_type(await client.json.delete("k"), int)
    assert_type(await client.json.arrlen("k"), int | list[int | None] | None)
    assert_type(await client.json.arrpop("k"), Any)
    assert_type(await client.json.numincrby("k", "$.a", 1), int | float | list[int | float | None])
    assert_type(await client.json.toggle("k"), bool | list[bool | None])
    assert_type(await client.json.type("k"), str | list[str] | None)
    assert_type(await client.json.objkeys("k"), list[str] | list[list[str] | None] | None)
    assert_type(await raw.json.objkeys("k"), list[bytes] | list[list[bytes] | None] | None)


def in_pipelines(pipe: Pipeline[str], plan: TextPlan) -> None:
    """A call gives a result for later, or the command as a value."""
    assert_type(pipe.json.get("k", type=User), Result[User | None])
    assert_type(pipe.json.get("k"), Result[Any])
    assert_type(pipe.json.mget("k", ".", type=User), Result[list[User | None]])
    assert_type(pipe.json.mget("k", "."), Result[list[Any]])
    assert_type(pipe.json.set("k", "$", 1), Result[bool])
    assert_type(plan.json.get("k", type=User), Command[User | None])
    assert_type(plan.json.get("k"), Command[Any])
    assert_type(plan.json.mget("k", ".", type=User), Command[list[User | None]])
    assert_type(plan.json.mget("k", "."), Command[list[Any]])


def test_checkers_prove_them() -> None:
    """The functions above are read by mypy and pyright, and not run."""
    assert callable(on_clients)
    assert callable(in_pipelines)

"""Tests of `anyredis.client.module_namespaces`: they load when they are first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from anyredis import Redis
from anyredis.client.pipeline import Pipeline
from tests.commands.modules.plans import NAMESPACES, TextPlan

LOADED = "[m for m in sys.modules if m.startswith('anyredis.commands.modules')]"


@pytest.mark.parametrize("name", NAMESPACES)
def test_a_namespace_costs_nothing_before_its_use(name: str) -> None:
    """`import anyredis` loads no file of it, nor do a client and another namespace's use."""
    program = f"""
import sys, anyredis
client = anyredis.Redis()
print({LOADED})
client.{name}
print({LOADED} != [])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout.split() == [b"[]", b"True"], ran.stdout


@pytest.mark.parametrize("name", NAMESPACES)
def test_it_is_on_every_executor(name: str) -> None:
    """Clients, sessions and pipelines have it, and a blueprint gives its commands as values."""
    classes = {getattr(each, name) for each in (Redis, Pipeline, TextPlan)}
    assert len(classes) == 3
    client = Redis()
    assert getattr(client, name) is getattr(client, name)

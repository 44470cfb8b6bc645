"""Tests of `anyredis.commands.modules.ft`: all groups of the search module in one namespace."""

from __future__ import annotations

from anyredis.commands.modules.ft import NAMESPACE
from anyredis.commands.modules.search_indexes import SearchIndexes
from anyredis.commands.modules.search_queries import SearchQueries
from anyredis.commands.modules.search_terms import SearchTerms


def test_each_class_has_all_groups() -> None:
    """Clients, pipelines and blueprints have the same commands."""
    for namespace in NAMESPACE:
        for group in (SearchIndexes, SearchTerms, SearchQueries):
            assert issubclass(namespace, group)

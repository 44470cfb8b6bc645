"""Queries of the search module: search, aggregation, hybrid search, profiles."""

from __future__ import annotations

from anyredis.commands.group import Group
from anyredis.replies import S


class SearchQueries(Group[S]):
    """The commands that ask an index."""

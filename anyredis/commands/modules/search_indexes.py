"""Indexes of the search module: made, changed and told about; dictionaries, synonyms, suggestions."""

from __future__ import annotations

from anyredis.commands.group import Group
from anyredis.replies import S


class SearchIndexes(Group[S]):
    """The commands on indexes, and on what belongs to them."""

"""Words beside the indexes: dictionaries, synonyms, spelling, and suggestions while typing.

Law: a dictionary of words and a dictionary of suggestions are no parts of an index.  The latter is a
key like any other; the former is known to the whole server.
"""

from __future__ import annotations

from typing import Generic, NamedTuple

from anyredis.command import Command, command
from anyredis.commands.checks import Count
from anyredis.commands.group import Group, flags
from anyredis.commands.modules.search_options import option_words
from anyredis.commands.several import SomeKeys, SomeValues, all_keys, all_values
from anyredis.exceptions import DataValueError
from anyredis.replies import (
    S,
    array,
    boolean,
    integer,
    number,
    ok,
    pair,
    pairs,
    triple,
    unexpected,
    word,
)
from anyredis.wire.decode import Reply
from anyredis.wire.encode import Key, Value


class Suggestion(NamedTuple, Generic[S]):
    """One result of `sugget_with_payloads`."""

    string: S
    score: float
    """How well it fits: not the score that it was added with."""
    payload: S | None
    """The payload that it was added with."""


class SearchTerms(Group[S]):
    """The commands on words."""

    @command
    def dictadd(self, dict: Key, *terms: SomeValues) -> Command[int]:
        """The number of *terms* that the dictionary *dict* did not have yet.

        In a cluster each primary gets them.
        FT.DICTADD dict term [term …]. Search 1.4. O(1).
        """
        words = all_values("FT.DICTADD", "terms", terms)
        return Command((b"FT.DICTADD", dict, *words), integer)

    @command
    def dictdel(self, dict: Key, *terms: SomeValues) -> Command[int]:
        """The number of *terms* that the dictionary *dict* had, and has no more.

        In a cluster each primary forgets them.
        FT.DICTDEL dict term [term …]. Search 1.4. O(1).
        """
        words = all_values("FT.DICTDEL", "terms", terms)
        return Command((b"FT.DICTDEL", dict, *words), integer)

    @command
    def dictdump(self, dict: Key) -> Command[list[S]]:
        """All terms of the dictionary *dict*.

        Raises `ResponseError` if it does not exist.
        FT.DICTDUMP dict. Search 1.4. O(N).
        """
        return Command((b"FT.DICTDUMP", dict), self.read.texts)

    @command
    def spellcheck(
        self,
        index: Key,
        query: Key,
        *,
        distance: int | None = None,
        include: SomeKeys | None = None,
        exclude: SomeKeys | None = None,
        dialect: Count | None = None,
    ) -> Command[dict[S, list[tuple[S, float]]]]:
        """For each word of *query* that *index* does not have, the like words with their scores.

        The score is the share of documents with that word (those indexed anew count again), 0 for
        one of a dictionary.  *distance*
        is the greatest number of letters to change, 1 to 4 (1).  *include* names dictionaries
        (`dictadd`) whose words are found too, *exclude* those whose words are right as they are.
        FT.SPELLCHECK index query [DISTANCE n] [TERMS INCLUDE | EXCLUDE …] [DIALECT n]. Search 1.4.
        O(1).
        """
        if distance is not None and not 1 <= distance <= 4:
            raise DataValueError(f"FT.SPELLCHECK: distance is {distance}: give 1 to 4")
        words = (
            *option_words(b"DISTANCE", distance),
            *_dictionaries(b"INCLUDE", "include", include),
            *_dictionaries(b"EXCLUDE", "exclude", exclude),
            *option_words(b"DIALECT", dialect),
        )
        return Command((b"FT.SPELLCHECK", index, query, *words), self._spelling)

    @command
    def syndump(self, index: Key) -> Command[dict[S, list[S]]]:
        """The words of *index* that have synonyms, each with the groups that it is in.

        FT.SYNDUMP index. Search 1.2. O(1).
        """
        return Command((b"FT.SYNDUMP", index), self._synonyms)

    @command
    def synupdate(
        self, index: Key, group: Key, *terms: SomeValues, skipinitialscan: bool = False
    ) -> Command[bool]:
        """True once *terms* are in the *group* of synonyms of *index*, with those in it already.

        A query for one of them finds the others.  Documents are read again in the background;
        with *skipinitialscan* only those that are written later.
        FT.SYNUPDATE index group [SKIPINITIALSCAN] term [term …]. Search 1.2. O(1).
        """
        words = all_values("FT.SYNUPDATE", "terms", terms)
        return Command(
            (b"FT.SYNUPDATE", index, group, *flags(skipinitialscan=skipinitialscan), *words), ok
        )

    # -- suggestions ----------------------------------------------------------------------------

    @command
    def sugadd(
        self,
        key: Key,
        string: Key,
        score: float,
        *,
        incr: bool = False,
        payload: Key | None = None,
    ) -> Command[int]:
        """The number of suggestions in the dictionary at *key*, once *string* is one of them.

        Those of a greater *score* come first; with *incr* it is added to the score that the string
        has.  *payload* is a text for `sugget_with_payloads`.
        FT.SUGADD key string score [INCR] [PAYLOAD payload]. Search 1.0. O(1).
        """
        words = (*flags(incr=incr), *option_words(b"PAYLOAD", payload))
        return Command((b"FT.SUGADD", key, string, score, *words), integer)

    @command
    def sugdel(self, key: Key, string: Key) -> Command[bool]:
        """True if *string* was a suggestion, and is none any more.

        FT.SUGDEL key string. Search 1.0. O(1).
        """
        return Command((b"FT.SUGDEL", key, string), boolean)

    @command
    def sugget(
        self, key: Key, prefix: Key, *, fuzzy: bool = False, max: Count = 10
    ) -> Command[list[S]]:
        """The suggestions that begin with *prefix*, the best first, at most *max*.

        With *fuzzy* one letter may differ.  Empty if there is no such key.
        FT.SUGGET key prefix [FUZZY] MAX n. Search 1.0. O(1).
        """
        return Command((b"FT.SUGGET", key, prefix, *_found(fuzzy, max)), self._suggested)

    @command
    def sugget_with_payloads(
        self, key: Key, prefix: Key, *, fuzzy: bool = False, max: Count = 10
    ) -> Command[list[Suggestion[S]]]:
        """Like `sugget`, each with its score and its payload.

        FT.SUGGET key prefix [FUZZY] WITHSCORES WITHPAYLOADS MAX n. Search 1.0. O(1).
        """
        words = _found(fuzzy, max, b"WITHSCORES", b"WITHPAYLOADS")
        return Command((b"FT.SUGGET", key, prefix, *words), self._with_payloads)

    @command
    def sugget_with_scores(
        self, key: Key, prefix: Key, *, fuzzy: bool = False, max: Count = 10
    ) -> Command[list[tuple[S, float]]]:
        """Like `sugget`, each with a number that says how well it fits.

        FT.SUGGET key prefix [FUZZY] WITHSCORES MAX n. Search 1.0. O(1).
        """
        words = _found(fuzzy, max, b"WITHSCORES")
        return Command((b"FT.SUGGET", key, prefix, *words), self._with_scores)

    @command
    def suglen(self, key: Key) -> Command[int]:
        """The number of suggestions at *key*, 0 if there is no such key.

        FT.SUGLEN key. Search 1.0. O(1).
        """
        return Command((b"FT.SUGLEN", key), integer)

    # -- replies --------------------------------------------------------------------------------

    def _spelling(self, reply: Reply) -> dict[S, list[tuple[S, float]]]:
        read = self.read
        if isinstance(reply, dict):
            results = {word(name): value for name, value in reply.items()}.get("results")
            return {
                read.text(term): [
                    (read.text(name), number(score))
                    for each in array(found)
                    for name, score in pairs(each)
                ]
                for term, found in pairs(results)
            }
        spelled: dict[S, list[tuple[S, float]]] = {}
        for each in array(reply):
            kind, term, found = triple(each)
            if word(kind) != "TERM":
                unexpected(reply, "terms with suggestions")
            scored = map(pair, array(found))
            spelled[read.text(term)] = [(read.text(name), number(score)) for score, name in scored]
        return spelled

    def _synonyms(self, reply: Reply) -> dict[S, list[S]]:
        return {self.read.text(term): self.read.texts(groups) for term, groups in pairs(reply)}

    def _suggested(self, reply: Reply) -> list[S]:
        return [] if reply is None else self.read.texts(reply)

    def _with_scores(self, reply: Reply) -> list[tuple[S, float]]:
        return [] if reply is None else self.read.scored(reply)

    def _with_payloads(self, reply: Reply) -> list[Suggestion[S]]:
        items = [] if reply is None else array(reply)
        if len(items) % 3:
            unexpected(reply, "strings with scores and payloads")
        read = self.read
        rows = zip(items[::3], items[1::3], items[2::3], strict=True)
        return [
            Suggestion(read.text(string), number(score), read.text_or_none(payload))
            for string, score, payload in rows
        ]


# -- words --------------------------------------------------------------------------------------


def _dictionaries(kind: bytes, argument: str, names: SomeKeys | None) -> tuple[Value, ...]:
    found = () if names is None else all_keys("FT.SPELLCHECK", argument, (names,))
    return tuple(word for name in found for word in (b"TERMS", kind, name))


def _found(fuzzy: bool, most: int, *more: bytes) -> tuple[Value, ...]:
    return (*flags(fuzzy=fuzzy), *more, b"MAX", most)

"""Whom a message calls by one of their keywords: found a moment after it was stored, by who sends pushes.

Words are compared as those of the content filter are: without case, width and variants of characters, at the borders of
words where a script has them. Of the words of all members of a room one automaton is made, and kept.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from chatproject.core.times import now
from groups import selectors as rooms
from groups.models import Membership
from moderation.matching import Matcher
from notifications import events, rules, selectors
from notifications.services.said import Said

#: Rooms whose automata are kept.
MATCHERS_MAX = 32


class Call(NamedTuple):
    """A message, and a member whom it calls by a keyword of theirs."""

    membership: Membership
    said: Said


def calls(said: Mapping[UUID, Sequence[Said]]) -> list[Call]:
    """Whom these messages of some rooms call. One query where nobody there has keywords."""
    listening: dict[UUID, dict[UUID, tuple[Membership, tuple[str, ...]]]] = {}
    for membership, words in selectors.called_by_words(said):
        listening.setdefault(membership.room_id, {})[membership.user_id] = membership, words
    found = []
    for room_id, members in listening.items():
        matcher = _matcher(tuple(sorted((user_id, words) for user_id, (_, words) in members.items())))
        for one in said[room_id]:
            user_ids = {hit.word.list_id for text in one.texts() for hit in matcher.find(text)}
            found += [Call(members[user_id][0], one) for user_id in user_ids if not one.is_by(user_id)]
    return found


@lru_cache(MATCHERS_MAX)
def _matcher(words_of: tuple[tuple[UUID, tuple[str, ...]], ...]) -> Matcher:
    return Matcher((word, user_id, "") for user_id, words in words_of for word in words)


def tell(found: Sequence[Call]) -> None:
    """Tell the open pages of those whom only the keyword calls; of the others they know by the message itself."""
    at = now()
    whom: dict[str, list[UUID]] = {}
    said: dict[str, Said] = {}
    for membership, one in found:
        is_called_anyway = one.mentions(membership.user_id) or rules.is_told(membership, at, is_called=False)
        if not is_called_anyway and rules.is_told(membership, at, is_called=True):
            whom.setdefault(one.output["id"], []).append(membership.user_id)
            said[one.output["id"]] = one
    if not whom:
        return
    room_of = {one.output["id"]: membership.room_id for membership, one in found}
    recalled = rooms.recalled(set(room_of.values()), min(one.seq for one in said.values()) - 1)
    for message_id, user_ids in whom.items():
        if (room_of[message_id], said[message_id].seq) not in recalled:
            events.keyword_said(user_ids, said[message_id].output)

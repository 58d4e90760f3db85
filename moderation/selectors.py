"""The words of all lists in use, as every process has them in memory."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from moderation.matching import Matcher, Word
from moderation.models import Action, WordList

#: Characters of a text that the event loop looks through; longer ones take a millisecond.
SHORT_MAX = 1000
#: What a masked character becomes.
MASK = "＊"

_STRICTNESS = {action: place for place, action in enumerate(Action.values)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of some texts together: the strictest action, and the texts with their words masked."""

    action: str
    originals: list[str]
    texts: list[str]
    words: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)


class Filter:
    """The lists in use, at one moment."""

    def __init__(self, lists: Iterable[WordList]) -> None:
        self._lists = {one.pk: one for one in lists}
        self._matcher = Matcher(
            (word, one.pk, action) for one in self._lists.values() for word, action in one.entries()
        )

    def concerns(self, texts: Iterable[str]) -> bool:
        """Whether there may be a listed word in one of these texts: for the event loop."""
        return any(len(text) > SHORT_MAX or self._matcher.is_in(text) for text in texts)

    def judge(self, texts: Iterable[str], applies: Callable[[WordList], bool]) -> Verdict | None:
        """What the lists that apply say of these texts; None without a hit."""
        applying = {pk for pk, one in self._lists.items() if applies(one)}
        originals = list(texts)
        hits: list[Word] = []
        masked = []
        for text in originals:
            found = [one for one in self._matcher.find(text) if one.word.list_id in applying]
            hits.extend(one.word for one in found)
            masked.append(_masked(text, [(one.start, one.end) for one in found]))
        if not hits:
            return None
        return Verdict(
            action=max((word.action for word in hits), key=_STRICTNESS.__getitem__),
            originals=originals,
            texts=masked,
            words=list(dict.fromkeys(word.written for word in hits)),
            lists=list(dict.fromkeys(self._lists[word.list_id].name for word in hits)),
        )


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    characters = list(text)
    for start, end in spans:
        characters[start:end] = MASK * (end - start)
    return "".join(characters)


class _Current:
    """`filter` is None where no list is in use, which is all that a message then costs. Before the first look at the
    database nothing is known, and everything is looked at.
    """

    def __init__(self) -> None:
        self.filter: Filter | None = _Unknown()
        self._state: object = None
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Take over what was changed in the lists. One query; a second one after a change."""
        with self._lock:
            state = sorted(WordList.objects.filter(is_active=True).values_list("pk", "changed_at"))
            if state != self._state:
                lists = list(WordList.objects.filter(pk__in=[pk for pk, _ in state]).order_by("pk")) if state else []
                self.filter = Filter(lists) if lists else None
                self._state = state


class _Unknown(Filter):
    def __init__(self) -> None:
        super().__init__(())

    def concerns(self, texts: Iterable[str]) -> bool:
        return True

    def judge(self, texts: Iterable[str], applies: Callable[[WordList], bool]) -> Verdict | None:
        current.refresh()
        return current.filter.judge(texts, applies) if current.filter else None


current = _Current()

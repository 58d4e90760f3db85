"""What is searched for: words in any order, phrases in quotes, and conditions such as `from:ann`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import regex

from chatproject.core.text import fold, simplified
from messaging.search_index import grams

_QUOTED = r'"([^"]*)"|＂([^＂]*)＂|“([^”]*)”|「([^」]*)」|『([^』]*)』|«([^»]*)»'
#: A phrase in quotes of any kind, which begin a word; a condition; or a word.
_TERMS = regex.compile(rf"(?:(?P<condition>\p{{L}}+)[:：](?=\S))?(?:{_QUOTED}|(\S+))")
#: The conditions, as people may write them.
_CONDITIONS = {
    "from": ("from", "来自", "发送者", "發送者", "來自"),
    "in": ("in", "在", "会话", "會話"),
    "has": ("has", "含", "包含"),
    "before": ("before", "早于", "早於"),
    "after": ("after", "晚于", "晚於"),
}
_KINDS = {
    "image": ("image", "images", "picture", "photo", "图片", "圖片", "照片"),
    "video": ("video", "videos", "视频", "視頻", "影片"),
    "audio": ("audio", "voice", "语音", "語音"),
    "file": ("file", "files", "文件", "檔案"),
    "location": ("location", "place", "位置", "地点", "地點"),
    "link": ("link", "links", "链接", "鏈接", "連結"),
}
_CONDITION_OF = {written: name for name, all_ in _CONDITIONS.items() for written in all_}
_KIND_OF = {written: name for name, all_ in _KINDS.items() for written in all_}
#: A day, a month or a year.
_DATE = regex.compile(r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?|月?)|年?)")
_LINK = regex.compile(r"(?i)\bhttps?://\S|\bwww\.\S")


def searchable(text: str) -> str:
    """A text as search compares it: folded, with traditional characters as simplified ones."""
    return simplified(fold(text))


def has_link(content: str) -> bool:
    return _LINK.search(content) is not None


@dataclass(frozen=True, slots=True)
class Query:
    """All of it must hold, but of several senders or chats one is enough."""

    #: Parts of a message, folded; a phrase is one of them.
    words: tuple[str, ...] = ()
    #: Parts of the names of senders and chats, as they were written.
    senders: tuple[str, ...] = ()
    chats: tuple[str, ...] = ()
    #: Types of messages, and `link`.
    kinds: tuple[str, ...] = ()
    #: From when on, and before when.
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.words or self.senders or self.chats or self.kinds or self.since or self.until)

    @property
    def pieces(self) -> list[list[str]]:
        """Of each of these lists, what fits has at least one piece."""
        return [[gram] for gram in (*map(grams.has, self.kinds), *grams.needed(self.words))]

    @property
    def types(self) -> list[str]:
        return [kind for kind in self.kinds if kind != "link"]

    def is_said_by(self, content: str, texts: Iterable[str]) -> bool:
        """Whether every word is in one of a message's texts, and a link in its content, if one is wanted."""
        if "link" in self.kinds and not has_link(content):
            return False
        left = self.words
        for text in texts:
            folded = searchable(text)
            left = tuple(word for word in left if word not in folded)
            if not left:
                return True
        return not left


def parse(text: str, zone: tzinfo) -> Query:
    """Read a query; days are those of `zone`. What looks like a condition and is none is a word."""
    words: dict[str, None] = {}
    found: dict[str, list[str]] = {"from": [], "in": [], "has": []}
    since: datetime | None = None
    until: datetime | None = None
    for term in _TERMS.finditer(text):
        value = next(filter(None, term.groups()[1:]), "")
        condition = _CONDITION_OF.get((term["condition"] or "").lower())
        if condition in ("from", "in") and value:
            found[condition].append(value)
        elif condition == "has" and (kind := _KIND_OF.get(value.lower())):
            found["has"].append(kind)
        elif condition in ("before", "after") and (day := _day(value, zone)):
            if condition == "after":
                since = max(since or day, day)
            else:
                until = min(until or day, day)
        else:
            whole = value if term["condition"] is None else term[0]
            words[searchable(whole)] = None
    words.pop("", None)
    kinds = tuple(dict.fromkeys(found["has"]))
    return Query(tuple(words), tuple(found["from"]), tuple(found["in"]), kinds, since, until)


def _day(written: str, zone: tzinfo) -> datetime | None:
    """The beginning of a day, a month or a year; a time that names its zone."""
    try:
        if date := _DATE.fullmatch(written):
            year, month, day = (int(one or 1) for one in date.groups())
            found = datetime(year, month, day, tzinfo=zone)
        else:
            found = datetime.fromisoformat(written)
        return found if found.tzinfo and timedelta(days=2) < found - _FIRST else None
    except (ValueError, OverflowError):
        return None


_FIRST = datetime.fromisoformat("0001-01-01T00:00+00:00")

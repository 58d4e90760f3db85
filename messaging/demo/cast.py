"""Who is in the demo."""

from collections.abc import Mapping
from dataclasses import dataclass

#: The one through whose eyes it is told: in all the groups, and in every private chat but two.
ME = "lin"


@dataclass(frozen=True)
class Person:
    name: str
    emblem: str  # of `faces`
    language: str


PEOPLE: Mapping[str, Person] = {
    ME: Person("林若溪", "mountain", "zh-hans"),
    "maya": Person("Maya Chen", "flower", "en"),
    "wang": Person("王子涵", "waves", "zh-hans"),
    "tom": Person("Tom Becker", "pine", "en"),
    "jiayi": Person("陈嘉怡", "cat", "zh-hans"),
    "sofia": Person("Sofia Rossi", "cup", "en"),
    "wei": Person("张伟", "fish", "zh-hans"),
    "amina": Person("أمينة", "moon", "en"),
    "hana": Person("佐藤花", "leaf", "zh-hans"),
    "lucas": Person("Lucas Martin", "balloon", "en"),
    "zhao": Person("赵一鸣", "planet", "zh-hans"),
    "priya": Person("Priya Nair", "house", "en"),
}

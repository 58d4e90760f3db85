"""The people of the demo."""

from collections.abc import Mapping
from dataclasses import dataclass

#: The main character, who is in all groups and in every private chat but two.
ME = "lin"


@dataclass(frozen=True)
class Person:
    name: str
    emblem: str  # of `faces`


PEOPLE: Mapping[str, Person] = {
    ME: Person("林若溪", "mountain"),
    "maya": Person("Maya Chen", "flower"),
    "wang": Person("王子涵", "waves"),
    "tom": Person("Tom Becker", "pine"),
    "jiayi": Person("陈嘉怡", "cat"),
    "sofia": Person("Sofia Rossi", "cup"),
    "wei": Person("张伟", "fish"),
    "amina": Person("أمينة", "moon"),
    "hana": Person("佐藤花", "leaf"),
    "lucas": Person("Lucas Martin", "balloon"),
    "zhao": Person("赵一鸣", "planet"),
    "priya": Person("Priya Nair", "house"),
}

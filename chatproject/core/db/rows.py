"""Objects of models from rows of our own SQL, at a fraction of what the ORM takes for them."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from itertools import accumulate, pairwise
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field, Model
from django.db.models.base import ModelState

from chatproject.core.db import bulk
from chatproject.core.db.current import dialect

M = TypeVar("M", bound=Model)


class Columns(Generic[M]):
    """Some columns of a model, the id among them, which a query selects in this order.

    ROOM = Columns(Room, "id", "name")
    rows = bulk.select(f"SELECT {ROOM.of('room')} FROM groups_room room WHERE …", […])
    rooms = [ROOM.made(row, related={}) for row in rows]
    """

    def __init__(self, model: type[M], *names: str) -> None:
        self.names = names
        self._model = model
        self._fields: list[Field[Any, Any]] = [_field(model, name) for name in names]
        self._attributes = [field.attname for field in self._fields]

    def __len__(self) -> int:
        return len(self._attributes)

    def of(self, table: str) -> str:
        """The columns of a table, by its name in the query."""
        return ", ".join(f"{table}.{field.column}" for field in self._fields)

    def made(self, row: Sequence[Any], *, related: Mapping[str, Model], **more: Any) -> M:
        """The object of a row, with `more` attributes and the objects that its foreign keys name. Other columns are
        read when somebody asks for them.
        """
        given = list(row)
        for place, convert in self._converters:
            if (value := given[place]) is not None:
                given[place] = convert(value)
        values: dict[str, Any] = dict(zip(self._attributes, given, strict=True))
        made = self._model.__new__(self._model)
        # As `Model.from_db` leaves it, without the signals and without looking at each column of the table.
        values["_state"] = state = ModelState()
        state.__dict__ = {"adding": False, "db": DEFAULT_DB_ALIAS, "fields_cache": {**related}}
        values.update(more)
        made.__dict__ = values
        return made

    @cached_property
    def _converters(self) -> list[tuple[int, Callable[[Any], Any]]]:
        found = []
        for place, field in enumerate(self._fields):
            kind = _kind(field)
            if kind in _CONVERTERS:
                # A driver that takes ids as they are gives all of these as they are.
                if UUID in dialect().converters:
                    found.append((place, _CONVERTERS[kind]))
            elif hasattr(field, "from_db_value"):
                found.append((place, partial(_from_db_value, field)))
        return found


def every_column(model: type[M]) -> Columns[M]:
    return Columns(model, *(field.name for field in model._meta.concrete_fields))


@lru_cache(20_000)  # of a chat list the same ones are asked for again, and a UUID takes longer than its row
def _id(given: str | UUID) -> UUID:
    return bulk.id_of(given)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {"UUIDField": _id, "DateTimeField": bulk.time_of, "BooleanField": bool}


def _from_db_value(field: Any, value: Any) -> Any:
    return field.from_db_value(value, None, connection)


def parts(*columns: Columns[Any], first: int = 0) -> list[slice]:
    """Where these columns stand in a row that has them one after the other, from the `first` on."""
    ends = list(accumulate(map(len, columns), initial=first))
    return [slice(start, end) for start, end in pairwise(ends)]


def _kind(field: "Field[Any, Any]") -> str:
    return str(getattr(field, "target_field", field).get_internal_type())


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    field = model._meta.get_field(name)
    assert isinstance(field, Field), name
    return field

"""A server that speaks MongoDB's protocol, for `scripts/test --mongodb` where no mongod can be installed.

    python tests/mongodb.py --host 127.0.0.1 --port 27117 --storage-path :memory:

It is SecantusDB, from PyPI, in a process of its own: its licence (GPL) stays there, and nothing but these tests uses it.
In four places its answers differ from mongod's documented ones where Django's backend relies on them. They are put right
here, in the running program, which is why its version is pinned; and a fifth change makes it bearably quick. Passing on it
shows that the chat's queries mean what they should by MongoDB's documentation; it is no proof for a real mongod.
"""

import sys
from collections.abc import Mapping
from typing import Any

from secantus import aggregate, cli, commands, expressions

_ABSENT = object()


def _dotted(spec: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`; an operator (`{"$add": …}`) is a value, not a level."""
    flat: dict[str, Any] = {}
    for name, value in spec.items():
        is_level = isinstance(value, Mapping) and value and not any(key.startswith("$") for key in value)
        flat |= _dotted(value, f"{prefix}{name}.") if is_level else {f"{prefix}{name}": value}
    return flat


def _at(value: Any, steps: list[str]) -> Any:
    """What stands at the end of a path; of an array, what stands there in each of its elements that has it."""
    if not steps:
        return value
    if isinstance(value, Mapping):
        return _at(value[steps[0]], steps[1:]) if steps[0] in value else _ABSENT
    if isinstance(value, list):
        found = [_at(element, steps) for element in value if isinstance(element, Mapping | list)]
        return [one for one in found if one is not _ABSENT]
    return _ABSENT


def _get_path(document: Any, path: str, default: Any = None) -> Any:
    found = _at(document, path.split("."))
    return default if found is _ABSENT else found


def put_right() -> None:
    """The four corrections. Each has mongod's rule beside it."""
    add_fields, project = aggregate._add_fields_one, aggregate._project_one
    variable, type_of = expressions._resolve_var, expressions._op_type

    def resolve_variable(name: str, context: Any) -> Any:
        start, _, path = name.partition(".")
        held = variable(start, context) if path else None
        return _get_path(held, path) if isinstance(held, list) else variable(name, context)

    def resolve_type(argument: Any, context: Any) -> Any:
        if isinstance(argument, Mapping) and expressions._eval_field_value(argument, context) is expressions.MISSING:
            return "missing"
        return type_of(argument, context)

    # $addFields and $set with an object merge it into the one that is there.
    aggregate._add_fields_one = lambda document, spec, names: add_fields(document, _dotted(spec), names)
    # $project with an object names fields of a field.
    aggregate._project_one = lambda document, spec, names: project(document, _dotted(spec), names)
    # "$a.b" and "$$a.b" reach into the elements of an array.
    expressions.get_path = _get_path
    expressions._resolve_var = resolve_variable
    # The $type of an expression that yields nothing is "missing".
    for operators in vars(expressions).values():
        if isinstance(operators, dict) and operators.get("$type") is type_of:
            operators["$type"] = resolve_type


def _names(condition: Any) -> set[str]:
    """The first steps of every path in a condition."""
    if isinstance(condition, Mapping):
        own = {key.partition(".")[0] for key in condition if not key.startswith("$")}
        return own.union(*map(_names, condition.values()))
    if isinstance(condition, list | tuple):
        return set().union(*map(_names, condition))
    return {condition[1:].partition(".")[0]} if isinstance(condition, str) and condition.startswith("$") else set()


def _conjuncts(condition: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = [{key: value} for key, value in condition.items() if key != "$and"]
    return parts + [part for inner in condition.get("$and", ()) for part in _conjuncts(inner)]


def _narrowed(pipeline: Any) -> Any:
    """A pipeline that joins first and selects afterwards, with a selection before it: of what the joins do not bring."""
    joined: set[str] = set()
    for place, stage in enumerate(pipeline):
        match stage:
            case {"$lookup": {"as": name}}:
                joined.add(name)
            case {"$set": fields}:
                joined |= fields.keys()
            case {"$unwind": _}:
                pass
            case {"$match": condition}:
                early = [
                    part
                    for part in _conjuncts(condition)
                    if not any(n in joined or n.startswith("$") for n in _names(part))
                ]
                return [{"$match": {"$and": early}}, *pipeline] if place and early else pipeline
            case _:
                break
    return pipeline


def narrow_before_joins() -> None:
    """mongod's optimiser does so by itself; without it every request joins every device there is."""
    run: Any = commands._aggregate

    def aggregate_narrowed(command: dict[str, Any], context: Any) -> Any:
        return run({**command, "pipeline": _narrowed(command.get("pipeline", []))}, context)

    for handlers in vars(commands).values():
        if isinstance(handlers, dict) and handlers.get("aggregate") is run:
            handlers["aggregate"] = aggregate_narrowed


if __name__ == "__main__":
    put_right()
    narrow_before_joins()
    sys.exit(cli.main())

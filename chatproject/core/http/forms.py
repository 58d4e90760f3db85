"""REST framework's forms and the documents' schemas, made from msgspec's structs (see `core.inputs`)."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import BaseValidator
from django.utils.text import format_lazy
from django.utils.translation import gettext_noop
from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiSerializerExtension
from msgspec import NODEFAULT, UNSET
from msgspec import inspect as shapes
from rest_framework import exceptions, serializers

from chatproject.core import errors
from chatproject.core.fields import Fields
from chatproject.core.http.api import Id, field_errors

#: Wrong items of a list after which the others are not looked at.
WRONG_MAX = 5

#: What REST framework says of these fields and has not in every language of ours. Our catalogues come first.
SAID_FOR_REST_FRAMEWORK = (
    gettext_noop("Not a valid string."),
    gettext_noop("Must be a valid UUID."),
    gettext_noop("Must be a valid boolean."),
    gettext_noop("Ensure this field has at least {min_length} elements."),
    gettext_noop("Ensure this field has no more than {max_length} elements."),
    gettext_noop('Expected a dictionary of items but got type "{input_type}".'),
)


def read(shape: type[Fields], given: Mapping[str, Any]) -> dict[str, Any]:
    """The checked fields by their Python names. Raises Invalid, with the texts for each wrong field."""
    try:
        return dict(_form(shape).run_validation(given))
    except exceptions.ValidationError as wrong:
        raise errors.Invalid(errors=field_errors(serializers.as_serializer_error(wrong))) from None


@cache
def _form(shape: type[Fields]) -> serializers.Serializer[Any]:
    """One form per shape and process: REST framework copies every field for each new one."""
    return serializer_of(shape)()


@cache
def serializer_of(shape: type[Fields]) -> type[serializers.Serializer[Any]]:
    """The serializer with the fields of a struct."""
    return type(shape.__name__, (_Form,), {**fields_of(shape), "__doc__": shape.__doc__ or "", "shape": shape})


def fields_of(shape: type[msgspec.Struct]) -> dict[str, serializers.Field]:
    """REST framework's fields for those of a struct, by their names on the wire."""
    described = shapes.type_info(shape)
    assert isinstance(described, shapes.StructType)
    return {one.encode_name: _field(one) for one in described.fields}


class _Form(serializers.Serializer[Any]):
    shape: type[Fields]

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        # A form within a form is a struct within a struct.
        return values if self.parent is None else self.shape(**values)


def _field(described: shapes.Field) -> serializers.Field:
    options: dict[str, Any] = {}
    if described.encode_name != described.name:
        options["source"] = described.name
    if not described.required:
        options["required"] = False
    if described.default not in (NODEFAULT, UNSET, None):
        options.pop("required")
        options["default"] = described.default
    return _made(described.type, options)


def _made(kind: shapes.Type, options: dict[str, Any]) -> serializers.Field:
    if isinstance(kind, shapes.Metadata):
        schema = kind.extra_json_schema or {}
        if "description" in schema:
            options["help_text"] = schema["description"]
        if isinstance(kind.type, shapes.AnyType):
            return _Unchecked({name: value for name, value in schema.items() if name != "description"}, **options)
        return _made(kind.type, options | (kind.extra or {}))
    if isinstance(kind, shapes.UnionType):
        inner = [one for one in kind.types if not isinstance(one, shapes.NoneType)]
        assert len(inner) == 1, f"a field of several kinds: {kind}"
        return _made(inner[0], options | ({"allow_null": True} if len(kind.types) > 1 else {}))
    return _plain(kind, options)


def _plain(kind: shapes.Type, options: dict[str, Any]) -> serializers.Field:
    match kind:
        case shapes.StrType() if "choices" in options:
            return serializers.ChoiceField(**options)
        case shapes.StrType():
            made = _StrictCharField if options.pop("is_strict", False) else _CharField
            made = _AddressField if options.pop("is_address", False) else made
            return made(**_given(max_length=kind.max_length), **options)
        case shapes.UUIDType():
            return Id(**options)
        case shapes.BoolType():
            return serializers.BooleanField(**options)
        case shapes.IntType():
            options.pop("most", None)  # PagedInput's
            return _IntegerField(**_given(min_value=kind.ge, max_value=kind.le), **options)
        case shapes.FloatType():
            return serializers.FloatField(**options)
        case shapes.ListType():
            limits = _given(min_length=kind.min_length, max_length=kind.max_length)
            return _ListField(child=_made(kind.item_type, {}), **limits, **options)
        case shapes.DictType():
            return _DictField(child=_made(kind.value_type, {}), max_length=kind.max_length, **options)
        case shapes.StructType():
            return serializer_of(kind.cls)(**options)
        case shapes.CustomType() if issubclass(kind.cls, UploadedFile):
            return serializers.FileField(allow_empty_file=True, **options)
    raise TypeError(f"no field for {kind}")


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


class _CharField(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        _say_in_each_language(self)


class _IntegerField(serializers.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        _say_in_each_language(self)


def _say_in_each_language(field: serializers.Field) -> None:
    """Format a limit's message for each reader: REST framework does it once, and these fields serve many."""
    for limit in field.validators:
        if isinstance(limit, BaseValidator):
            limit.message = format_lazy(field.error_messages[limit.code], **{limit.code: limit.limit_value})


class _StrictCharField(_CharField):
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class _AddressField(_CharField):
    def to_internal_value(self, data: Any) -> str:
        address = super().to_internal_value(data)
        if (address and not address.startswith(("https://", "http://", "/"))) or address.startswith("//"):
            self.fail("invalid")
        return address


class _ListField(serializers.ListField):
    """Its length is judged before its items: a frame has room for thirty thousand wrong ones."""

    def run_child_validation(self, data: Any) -> list[Any]:
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return [value for _, value in _checked_items(self.child, enumerate(data))]


class _DictField(serializers.DictField):
    """Like `_ListField`."""

    default_error_messages = {"max_length": serializers.ListField.default_error_messages["max_length"]}

    def __init__(self, *, max_length: int | None, **options: Any) -> None:
        self._max_length = max_length
        super().__init__(**options)

    def run_child_validation(self, data: Any) -> dict[str, Any]:
        if self._max_length is not None and len(data) > self._max_length:
            self.fail("max_length", max_length=self._max_length)
        return dict(_checked_items(self.child, data.items()))


def _checked_items(child: serializers.Field, items: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The items with what `child` reads of each. Raises ValidationError, which names the first WRONG_MAX wrong ones."""
    checked, wrong = [], {}
    for key, value in items:
        try:
            checked.append((key, child.run_validation(value)))
        except exceptions.ValidationError as error:
            wrong[key] = error.detail
            if len(wrong) == WRONG_MAX:
                break
    if wrong:
        raise exceptions.ValidationError(wrong)
    return checked


class _Unchecked(serializers.Field):
    def __init__(self, schema: dict[str, Any], **options: Any) -> None:
        super().__init__(**{**options, "allow_null": True})
        set_override(self, "field", schema)

    def to_internal_value(self, data: Any) -> Any:
        return data


class StructExtension(OpenApiSerializerExtension):
    """Lets `extend_schema` and the socket's document take a struct where they take a serializer."""

    target_class = Fields
    match_subclasses = True

    def get_name(self, auto_schema: Any, direction: str) -> str:
        return _class_of(self.target).__name__

    def map_serializer(self, auto_schema: Any, direction: str) -> Any:
        shape: Any = _class_of(self.target)
        described = shape.documented() if hasattr(shape, "documented") else shape
        return auto_schema._map_serializer(serializer_of(described), direction)


def _class_of(target: Any) -> type[Any]:
    return target if isinstance(target, type) else type(target)

"""The errors of every route in the OpenAPI document: drf-spectacular knows only the answers when all goes well."""

from typing import Any

#: RFC 9457, as `core.http.api.problem` writes it.
PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "A stable word for programs."},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "By the name of a field, what is wrong with it.",
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
}

#: What may be answered to any request, and to those with a body or parameters, with a file, and to a range of a file.
_ANY = {
    "403": "It may not be done: not by you, or not in another's name.",
    "404": "It does not exist, or the caller may not see it.",
    "429": "Too many requests; `Retry-After` says when to try again.",
    "503": "The server is busy and has done nothing; `Retry-After` says when to try again.",
}
_SIGNED_IN = {"401": "Sign in first."}
_GIVEN = {"400": "The request is not valid; `errors` says which fields."}
_BODY = {"409": "This does not fit what is there.", "413": "This is too large."}
_UPLOAD = {"408": "The rest of the request did not come.", "507": "There is no room for files."}
_RANGE = {"416": "There is no such part of the file."}


def add_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook: document the errors beside each operation's own answers."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for operations in result["paths"].values():
        for operation in operations.values():
            for status, says in _problems(operation).items():
                operation["responses"].setdefault(status, _response(says))
    return result


def _problems(operation: dict[str, Any]) -> dict[str, str]:
    body = operation.get("requestBody", {}).get("content", {})
    found = dict(_ANY)
    if operation.get("security"):
        found |= _SIGNED_IN
    if body or operation.get("parameters"):
        found |= _GIVEN
    if body:
        found |= _BODY
    if "multipart/form-data" in body:
        found |= _UPLOAD
    if "206" in operation["responses"]:
        found |= _RANGE
    return found


def _response(says: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": says, "content": {"application/problem+json": {"schema": schema}}}

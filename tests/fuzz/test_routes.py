"""Every route of the OpenAPI document with generated requests: no failure of ours, and no status that it does not name."""

import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import hypothesis
import pytest
import requests
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck

from accounts import services as accounts
from accounts.models import NameSkeleton, User
from chatproject.core.times import now
from tests.people import Person

#: Requests for each route, with and without a user.
FEW, MANY = 6, 500
#: What anybody may ask; every other route is for those who are signed in.
OPEN = {"/api/schema/", "/login", "/createUser", "/uploads/{path}"}
#: Routes after which a token is worth nothing.
SIGNING_OUT = {"/logout", "/me/sessions", "/me"}

#: Statuses that a route names as its own answer, although it is an error by its number: `busy` and `storage_full`.
FORESEEN = {503, 507}

_document: Any = SchemaGenerator().get_schema(request=None, public=True)
OPERATIONS = [f"{method.upper()} {path}" for path, methods in _document["paths"].items() for method in methods]


@cache
def _operations() -> dict[str, Any]:
    """Those that are found in the document, by their names."""
    import schemathesis  # every process reads this module, and one of them uses it

    schema: Any = schemathesis.openapi.from_dict(_document)
    return {one.label: one for one in (found.ok() for found in schema.get_all_operations())}


@pytest.fixture(scope="module", autouse=True)
def _names_stay_free(server: str) -> Iterator[None]:
    """Other tests rely on names as short as those that are generated here."""
    began = now()
    yield
    made = User.objects.filter(created_at__gte=began)
    NameSkeleton.objects.filter(user__in=made).delete()
    for user in made:
        User.objects.filter(pk=user.pk).update(name_key=f"generated {user.pk}")


def test_every_route_of_the_document_is_tried() -> None:
    assert set(_operations()) == set(OPERATIONS)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("who", ["signed in", "anonymous"])
def test_a_generated_request_gets_a_documented_answer(
    server: str, person: Any, group: Any, anonymous: Person, quiet_log: None, is_long: bool, name: str, who: str
) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import status_code_conformance

    operation = _operations()[name]
    ann, bob = person("ann"), person("bob")
    place = _place(ann, bob, group)
    me = ann if who == "signed in" else anonymous
    swap = _swapper(place)
    user = User.objects.get(pk=ann.id)
    statuses: set[int] = set()

    @hypothesis.settings(
        max_examples=MANY if is_long else FEW,
        derandomize=not is_long,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        if me is ann and operation.path in SIGNING_OUT:
            me.token = accounts.open_token(user=User.objects.get(pk=user.pk))
        swap(case)
        headers = {"Authorization": f"Bearer {me.token}"} if me.token else {}
        answer = case.call(base_url=server, headers=headers, session=session)
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=[status_code_conformance])
        if answer.status_code not in FORESEEN:
            case.validate_response(answer, checks=[not_a_server_error])
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"], answer.text

    with requests.Session() as session:
        session.trust_env = False
        ask()
    if who == "anonymous" and operation.path not in OPEN:
        assert statuses <= {401}, "without a user there is nothing else"


def _place(ann: Person, bob: Person, group: Callable[..., Any]) -> dict[str, str]:
    """Ids that exist, by the names of the fields that take them."""
    room = group(ann, bob)
    message = ann.post("/group/send", {"groupId": room["id"], "content": "hello"}, status=201)
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    people = dict.fromkeys(("userId", "receiverId", "senderId", "id"), bob.id)
    return {**people, "groupId": room["id"], "group_id": room["id"], "chatId": room["id"], "messageId": message["id"]}


def _swapper(place: dict[str, str]) -> Callable[[Any], None]:
    """Put ids that exist in the place of half of those that were generated: else every answer would be 404."""
    chance = random.Random(0)

    def swap(case: Any) -> None:
        for fields in (case.body, case.query, case.path_parameters):
            if not isinstance(fields, dict):
                continue
            for name in place.keys() & fields.keys():
                if chance.random() < 0.5 and isinstance(fields[name], str):
                    fields[name] = place[name]

    return swap

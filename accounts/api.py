"""HTTP routes for sign-in, one's own profile and devices, and the list of users."""

from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from msgspec import UNSET
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import rules, selectors, serializers, services
from accounts.authentication import device, me
from accounts.middleware import client_of, speak
from accounts.models import Device, User
from accounts.rules import address_of
from accounts.serializers import device_output, me_output, signed_in_output, user_output
from chatproject.core import costs
from chatproject.core.http.api import WHOLE_LIST, Page, listed
from chatproject.core.http.forms import serializer_of
from chatproject.core.redis import budget
from presence.selectors import online_among


def _is_online(user: User) -> bool:
    return user.pk in online_among([user.pk])


def _signed_in(request: Request, user: User, *, status: int) -> Response:
    token = services.open_token(user=user, name=client_of(request))
    return Response(signed_in_output(user, online=_is_online(user), token=token), status=status)


class LoginView(APIView):
    cost = costs.FREE

    authentication_classes = ()  # an expired token must not prevent a new sign-in
    permission_classes = (AllowAny,)

    @extend_schema(
        request=serializers.LoginInput,
        responses={200: serializers.SignedInOutput, 201: serializers.SignedInOutput},
        summary="Sign in",
        description="An unknown name is signed up (201) while registration is open. Browsers use the pages instead.",
    )
    def post(self, request: Request) -> Response:
        form = serializers.LoginInput.read(request.data)
        user, is_new = services.enter(
            name=form.name,
            password=form.password,
            address=address_of(request),
            img=form.img or "",
            online=form.online,
        )
        return _signed_in(request, user, status=201 if is_new else 200)


class CreateUserView(APIView):
    cost = costs.CHANGE

    permission_classes = (AllowAny,)

    @extend_schema(
        request=serializers.GuestInput,
        responses={201: serializers.SignedInOutput},
        summary="Create a guest",
        description="A guest has no password and lives as long as the token. Where registration is closed: staff only.",
    )
    def post(self, request: Request) -> Response:
        form = serializers.GuestInput.read(request.data)
        by = request.user if isinstance(request.user, User) else None
        user = services.create_guest(by=by, address=address_of(request), **form.given())
        return _signed_in(request, user, status=201)


class LogoutView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=None, responses={204: None}, summary="Sign this device out")
    def post(self, request: Request) -> Response:
        services.sign_out(device=device(request))
        if device(request).kind == Device.BROWSER:
            request.session.flush()
        return Response(status=204)


class MeView(APIView):
    cost = {"GET": costs.LIGHT, "PATCH": costs.CHANGE}

    @extend_schema(responses=serializers.MeOutput, summary="Myself")
    def get(self, request: Request) -> Response:
        return Response(me_output(me(request), online=_is_online(me(request))))

    @extend_schema(request=serializers.ProfileInput, responses=serializers.MeOutput, summary="Change what is given")
    def patch(self, request: Request) -> Response:
        form = serializers.ProfileInput.read(request.data)
        if form.password is not UNSET:
            budget.spend(request.user.pk, costs.HASH)
        user = services.change_me(user=me(request), device=device(request), address=address_of(request), **form.given())
        response = Response(me_output(user, online=_is_online(user)))
        if form.language is not UNSET:
            speak(response, user.language)
        return response


class StatusView(APIView):
    cost = costs.CHANGE

    @extend_schema(
        request=serializers.StatusInput, responses=serializers.MeOutput, summary="Say something beside my name"
    )
    def post(self, request: Request) -> Response:
        form = serializers.StatusInput.read(request.data)
        return self._answer(services.set_status(user=me(request), **form.given()))

    @extend_schema(request=None, responses={200: serializers.MeOutput}, summary="Say nothing beside my name")
    def delete(self, request: Request) -> Response:
        return self._answer(services.clear_status(user=me(request)))

    def _answer(self, user: User) -> Response:
        return Response(me_output(user, online=_is_online(user)))


class SessionsView(APIView):
    cost = {"GET": costs.LIGHT, "DELETE": costs.CHANGE}

    @extend_schema(responses=serializers.DeviceOutput(many=True), summary="Where I am signed in")
    def get(self, request: Request) -> Response:
        return Response([device_output(one, current=device(request).pk) for one in selectors.devices(me(request))])

    @extend_schema(
        operation_id="me_sessions_destroy_others",
        request=None,
        responses={204: OpenApiResponse(description="Signed out there.")},
        summary="Sign all others out",
    )
    def delete(self, request: Request) -> Response:
        services.revoke_others(by=me(request), but=device(request))
        return Response(status=204)


class SessionView(APIView):
    cost = costs.CHANGE

    @extend_schema(
        request=None, responses={204: OpenApiResponse(description="Signed out there.")}, summary="Sign a device out"
    )
    def delete(self, request: Request, device_id: UUID) -> Response:
        services.revoke_device(by=me(request), device_id=device_id)
        return Response(status=204)


class UserChatListView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(serializers.PeopleInput)],
        responses=serializers.UserOutput(many=True),
        summary="Everybody, by name",
        description=WHOLE_LIST,
    )
    def get(self, request: Request) -> HttpResponseBase:
        form = serializers.PeopleInput.read(request.query_params)
        by = me(request)
        only_contacts = rules.sees_only_contacts(by)

        def page(limit: int, after: str) -> Page[str]:
            people = selectors.people(by=by, only_contacts=only_contacts, search=form.search, after=after, limit=limit)
            online = online_among([user.pk for user in people])
            outputs = [user_output(user, online=user.pk in online) for user in people]
            return Page(outputs, people[-1].name_key if people else after)

        def end_of(count: int) -> str | None:
            return selectors.end_of_people(
                count, by=by, only_contacts=only_contacts, search=form.search, after=form.after
            )

        return listed(request, page, after=form.after, limit=None if form.limit is UNSET else form.limit, end_of=end_of)


class UserView(APIView):
    cost = costs.READ

    @extend_schema(responses=serializers.UserOutput, summary="One of everybody")
    def get(self, request: Request, user_id: UUID) -> Response:
        by = me(request)
        user = selectors.person(user_id, by=by, only_contacts=rules.sees_only_contacts(by))
        return Response(user_output(user, online=user.pk in online_among([user.pk])))

"""HTTP routes of web push, for which each device subscribes itself, and of what notifies a person."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import SignedIn
from chatproject.core import costs
from notifications import serializers, services
from notifications.serializers import PreferencesOutput, PushOutput


class PushView(APIView):
    cost = costs.LIGHT

    @extend_schema(responses=PushOutput, summary="Whether this device is told when no page is open")
    def get(self, request: SignedIn) -> Response:
        return Response(services.describe(device=request.auth))


class SubscribeView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=serializers.SubscribeInput, responses=PushOutput, summary="Tell this device")
    def post(self, request: SignedIn) -> Response:
        form = serializers.SubscribeInput.read(request.data)
        services.subscribe(
            device=request.auth,
            endpoint=form.endpoint,
            p256dh=form.keys.p256dh,
            auth=form.keys.auth,
            shows_content=form.shows_content,
        )
        return Response(services.describe(device=request.auth))


class UnsubscribeView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=None, responses=PushOutput, summary="Tell this device no longer")
    def post(self, request: SignedIn) -> Response:
        services.unsubscribe(device=request.auth)
        return Response(services.describe(device=request.auth))


class TestView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=None, responses={202: PushOutput}, summary="Push a test to this device")
    def post(self, request: SignedIn) -> Response:
        services.send_test(device=request.auth)
        return Response(services.describe(device=request.auth), status=202)


class PreferencesView(APIView):
    cost = {"GET": costs.LIGHT, "PATCH": costs.CHANGE}

    @extend_schema(responses=PreferencesOutput, summary="What notifies me: levels, keywords, quiet hours")
    def get(self, request: SignedIn) -> Response:
        return Response(services.preferences(user=request.user))

    @extend_schema(request=serializers.PreferencesInput, responses=PreferencesOutput, summary="Change what is given")
    def patch(self, request: SignedIn) -> Response:
        form = serializers.PreferencesInput.read(request.data)
        return Response(services.change_preferences(by=request.user, form=form))

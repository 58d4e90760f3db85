"""Messages by HTTP."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import SignedIn
from accounts.models import User
from accounts.serializers import MeOutput, UserOutput, me_output, user_output
from chatproject.core.errors import NotFound, NotYou
from chatproject.core.http import download
from chatproject.core.http.api import require_self, with_next
from groups import selectors as rooms
from groups.serializers import GroupOutput, group_output
from messaging import selectors, serializers, services
from messaging.serializers import MessageOutput
from presence.selectors import online_among


class ChatListView(APIView):
    @extend_schema(request=None, responses=serializers.ChatOutput(many=True), summary="My chats, the last moved first")
    def post(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        chats = selectors.chat_list(request.user)
        here = online_among(chat.id for chat in chats if chat.other)
        return Response([serializers.chat_output(chat, online=chat.id in here) for chat in chats])


class PrivateMessagesView(APIView):
    @extend_schema(
        parameters=[serializers.PrivatePageInput],
        responses=MessageOutput(many=True),
        summary="A page of a private chat",
    )
    def get(self, request: SignedIn) -> Response:
        form = serializers.PrivatePageInput.read(request.query_params)
        sender_id, receiver_id = form.pop("senderId"), form.pop("receiverId", request.user.pk)
        if request.user.pk not in (sender_id, receiver_id):
            raise NotYou()
        return _page(request, sender_id if receiver_id == request.user.pk else receiver_id, is_group=False, **form)


class GroupMessagesView(APIView):
    @extend_schema(
        parameters=[serializers.GroupPageInput], responses=MessageOutput(many=True), summary="A page of a group"
    )
    def get(self, request: SignedIn) -> Response:
        form = serializers.GroupPageInput.read(request.query_params)
        return _page(request, form.pop("groupId"), is_group=True, **form)


def _page(request: SignedIn, chat_id: UUID, *, is_group: bool, **cursor: Any) -> Response:
    page = selectors.history(request.user, chat_id, is_group=is_group, **cursor)
    response = Response(serializers.page_output(page))
    return with_next(response, request, before=page.messages[0].seq) if page.has_older else response


class _SendView(APIView):
    form: type[serializers.MessageInput]
    is_group: bool

    def send(self, request: SignedIn) -> Response:
        require_self(request, "senderId")
        draft = services.Draft(sender=request.user, is_group=self.is_group, **self.form.read(request.data))
        return Response(services.send(draft).output, status=201)


class PrivateSendView(_SendView):
    form = serializers.PrivateInput
    is_group = False

    @extend_schema(request=serializers.PrivateInput, responses={201: MessageOutput}, summary="Write to somebody")
    def post(self, request: SignedIn) -> Response:
        return self.send(request)


class GroupSendView(_SendView):
    form = serializers.GroupMessageInput
    is_group = True

    @extend_schema(request=serializers.GroupMessageInput, responses={201: MessageOutput}, summary="Write to a group")
    def post(self, request: SignedIn) -> Response:
        return self.send(request)


class UnreadView(APIView):
    @extend_schema(responses=serializers.UnreadOutput, summary="What I have not read")
    def get(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        chats = selectors.unread(request.user)
        services.remember_unread(request.user, chats)
        return Response(serializers.unread_output(chats))


class _ReadView(APIView):
    form: type[serializers.ReadPrivateInput] | type[serializers.ReadGroupInput]
    is_group: bool

    def mark(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        form = self.form.read(request.data)
        memberships = services.mark_read(by=request.user, is_group=self.is_group, **form)
        return Response(serializers.read_output(memberships, form["chat_ids"]))


class MarkPrivateReadView(_ReadView):
    form = serializers.ReadPrivateInput
    is_group = False

    @extend_schema(request=serializers.ReadPrivateInput, responses=serializers.ReadOutput, summary="I have read it")
    def post(self, request: SignedIn) -> Response:
        return self.mark(request)


class MarkGroupReadView(_ReadView):
    form = serializers.ReadGroupInput
    is_group = True

    @extend_schema(request=serializers.ReadGroupInput, responses=serializers.ReadOutput, summary="I have read it")
    def post(self, request: SignedIn) -> Response:
        return self.mark(request)


class RecallView(APIView):
    @extend_schema(request=serializers.MessageIdInput, responses=MessageOutput, summary="Recall a message")
    def post(self, request: SignedIn) -> Response:
        return Response(services.recall(by=request.user, **serializers.MessageIdInput.read(request.data)))


class EditView(APIView):
    @extend_schema(request=serializers.EditInput, responses=MessageOutput, summary="Edit a text")
    def post(self, request: SignedIn) -> Response:
        return Response(services.edit(by=request.user, **serializers.EditInput.read(request.data)))


class ReadersView(APIView):
    @extend_schema(parameters=[serializers.MessageIdInput], responses=UserOutput(many=True), summary="Who has read it")
    def get(self, request: SignedIn) -> Response:
        form = serializers.MessageIdInput.read(request.query_params)
        people = selectors.readers(request.user, **form)
        here = online_among(user.pk for user in people)
        return Response([user_output(user, online=user.pk in here) for user in people])


class SearchView(APIView):
    @extend_schema(
        parameters=[serializers.SearchInput],
        responses=MessageOutput(many=True),
        summary="Find messages",
        description="A page may be short, or empty, and yet name a next one: so many messages were looked at.",
    )
    def get(self, request: SignedIn) -> Response:
        form = serializers.SearchInput.read(request.query_params)
        found = selectors.search(request.user, **form)
        response = Response(serializers.found_output(request.user.pk, found.messages))
        return response if found.next is None else with_next(response, request, before=found.next)


class QuotedView(APIView):
    @extend_schema(
        parameters=[serializers.QuotedInput],
        responses=MessageOutput(many=True),
        summary="Messages by their ids, as replies name them",
    )
    def get(self, request: SignedIn) -> Response:
        form = serializers.QuotedInput.read(request.query_params)
        found = selectors.quoted(request.user, **form)
        return Response(serializers.found_output(request.user.pk, found))


class SyncView(APIView):
    @extend_schema(request=serializers.SyncInput, responses=serializers.SyncOutput, summary="What changed since")
    def post(self, request: SignedIn) -> Response:
        form = serializers.SyncInput.read(request.data)
        return Response(serializers.sync_output(selectors.changes(request.user, **form)))


class UploadView(APIView):
    """Authentication and the rate limit come earlier, before the body is read: see upload_gate.py."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": serializers.UploadInput},
        responses={201: serializers.UploadOutput},
        summary="Upload what a message will carry",
    )
    def post(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        form = serializers.UploadInput.read(request.data)
        media: TemporaryUploadedFile = form["media"]
        source = Path(media.temporary_file_path())
        upload = services.receive(owner=request.user, source=source, name=media.name or "", folder=form["mediaType"])
        return Response(serializers.upload_output(upload), status=201)


class _AvatarView(APIView):
    parser_classes = [MultiPartParser]


class MyAvatarView(_AvatarView):
    @extend_schema(
        request={"multipart/form-data": serializers.AvatarInput},
        responses=MeOutput,
        summary="Show a picture of myself",
        description="The middle of it as a square. `PATCH /me` with an empty `img` takes it away.",
    )
    def post(self, request: SignedIn) -> Response:
        form = serializers.AvatarInput.read(request.data)
        user = services.set_own_avatar(user=request.user, source=Path(form["media"].temporary_file_path()))
        return Response(me_output(user, online=user.pk in online_among([user.pk])))


class GroupAvatarView(_AvatarView):
    @extend_schema(
        request={"multipart/form-data": serializers.GroupAvatarInput},
        responses=GroupOutput,
        summary="Show a picture of a group",
        description="For its admins. `POST /group/update` with an empty `avatar` takes it away.",
    )
    def post(self, request: SignedIn) -> Response:
        form = serializers.GroupAvatarInput.read(request.data)
        source = Path(form.pop("media").temporary_file_path())
        membership = services.set_group_avatar(by=request.user, source=source, **form)
        return Response(group_output(membership.room, role=membership.role, members=rooms.members(membership.room_id)))


class UploadedView(APIView):
    """Whoever may not have it, the anonymous among them, asks for something that is not there."""

    permission_classes = [AllowAny]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """An `Accept: image/*` is about what we hand out, and not about our refusals."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 206: OpenApiTypes.BINARY, 304: None},
        summary="A file or its thumbnail, to those who may see its message; an avatar, to whoever is signed in",
    )
    def get(self, request: Request, path: str) -> HttpResponseBase:
        if not isinstance(request.user, User):
            raise NotFound()
        return download.response(request, selectors.stored_file(request.user, path))

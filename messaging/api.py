"""The HTTP routes of messaging."""

from collections.abc import Mapping, Sequence
from typing import IO, Any, cast
from uuid import UUID

import orjson
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http.response import HttpResponseBase
from django.utils.translation import get_language
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from msgspec import UNSET
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import SignedIn
from accounts.models import User
from accounts.serializers import MeOutput, UserOutput, me_output, user_output
from chatproject.core import costs
from chatproject.core.errors import NotFound, NotYou
from chatproject.core.http import download
from chatproject.core.http.api import require_self, with_next
from chatproject.core.http.forms import serializer_of
from chatproject.core.http.multipart import FileParser, ScratchFile
from chatproject.core.redis import budget
from groups import selectors as rooms
from groups.serializers import GroupOutput, group_output
from messaging import selectors, services
from messaging.media import places
from messaging.serializers import input as inputs
from messaging.serializers import output as outputs
from messaging.serializers.output import MessageOutput
from presence.selectors import online_among


class ChatListView(APIView):
    cost = costs.READ

    @extend_schema(
        request=inputs.ChatListInput,
        responses=outputs.ChatOutput(many=True),
        summary="My chats, the last moved first",
        description=(
            "Without `limit` all of them. With it a page, the pinned ones first; the `Link` header has the address for"
            " the next one, which takes the parameters in its query. A chat that does not move meanwhile is on one"
            " page, and none is on two. Without `limit` and with `chatIds` only those chats."
        ),
    )
    def post(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        form = inputs.ChatListInput.read(_given(request))
        page = self._page(request.user, form)
        here = online_among(chat.id for chat in page.chats if chat.other)
        response = Response([outputs.chat_output(chat, online=chat.id in here) for chat in page.chats])
        return with_next(response, request, limit=form.limit, before=str(page.end)) if page.end else response

    @staticmethod
    def _page(user: User, form: inputs.ChatListInput) -> services.ChatPage:
        if form.limit is not UNSET:
            return services.chat_page(user, limit=form.limit, after=form.place())
        if form.chat_ids is not UNSET:
            return services.ChatPage(services.chats_named(user, form.chat_ids), None)
        return services.ChatPage(services.chat_list(user), None)


def _given(request: SignedIn) -> dict[str, Any]:
    """The fields of the body, and those of the address of a next page."""
    body = request.data if isinstance(request.data, Mapping) else {}
    return {name: given[name] for given in (body, request.query_params) for name in given}


class HistoryView(APIView):
    cost = costs.READ

    #: `fast_history` reads the same form for the same route.
    form: type[inputs.PageInput]

    @staticmethod
    def chat(form: Any, me: UUID) -> dict[str, Any]:
        """The chat that is asked for. Raises NotYou."""
        raise NotImplementedError

    def page(self, request: SignedIn) -> Response:
        form = self.form.read(request.query_params)
        page = services.history(request.user, **self.chat(form, request.user.pk), **form.cursor())
        response = Response(orjson.Fragment(page.json))
        return with_next(response, request, before=page.first) if page.has_older else response


class PrivateMessagesView(HistoryView):
    form = inputs.PrivatePageInput

    @staticmethod
    def chat(form: inputs.PrivatePageInput, me: UUID) -> dict[str, Any]:
        receiver_id = me if form.receiver_id is UNSET else form.receiver_id
        if me not in (form.sender_id, receiver_id):
            raise NotYou()
        return {"chat_id": form.sender_id if receiver_id == me else receiver_id, "is_group": False}

    @extend_schema(
        parameters=[serializer_of(inputs.PrivatePageInput)],
        responses=MessageOutput(many=True),
        summary="A page of a private chat",
    )
    def get(self, request: SignedIn) -> Response:
        return self.page(request)


class GroupMessagesView(HistoryView):
    form = inputs.GroupPageInput

    @staticmethod
    def chat(form: inputs.GroupPageInput, me: UUID) -> dict[str, Any]:
        return {"chat_id": form.group_id, "is_group": True}

    @extend_schema(
        parameters=[serializer_of(inputs.GroupPageInput)],
        responses=MessageOutput(many=True),
        summary="A page of a group",
    )
    def get(self, request: SignedIn) -> Response:
        return self.page(request)


#: Where a word list holds it: a problem with the code held_for_review.
_HELD = OpenApiResponse(OpenApiTypes.OBJECT, "A moderator looks at it first; nobody else sees it until then.")


class SendView(APIView):
    cost = costs.FREE  # RATE_MESSAGES limits it, where it is stored

    #: `fast_send` reads the same form for the same route.
    form: type[inputs.MessageInput]
    is_group: bool

    def send(self, request: SignedIn) -> Response:
        require_self(request, "senderId")
        message = services.outgoing(self.form.read(request.data), sender=request.user, is_group=self.is_group)
        return Response(services.send_message(message).output, status=201)


class PrivateSendView(SendView):
    form = inputs.PrivateInput
    is_group = False

    @extend_schema(request=inputs.PrivateInput, responses={201: MessageOutput, 202: _HELD}, summary="Write to somebody")
    def post(self, request: SignedIn) -> Response:
        return self.send(request)


class GroupSendView(SendView):
    form = inputs.GroupMessageInput
    is_group = True

    @extend_schema(
        request=inputs.GroupMessageInput, responses={201: MessageOutput, 202: _HELD}, summary="Write to a group"
    )
    def post(self, request: SignedIn) -> Response:
        return self.send(request)


class UnreadView(APIView):
    cost = costs.READ

    @extend_schema(responses=outputs.UnreadOutput, summary="What I have not read")
    def get(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        return Response(services.unread(request.user))


class _ReadView(APIView):
    cost = costs.READ

    form: type[inputs.ReadInput]
    is_group: bool

    def mark(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        form = self.form.read(request.data)
        chat_ids = form.chat_ids
        budget.spend(request.user.pk, costs.of_many(len(chat_ids)))
        read = services.mark_read(by=request.user, is_group=self.is_group, chat_ids=chat_ids, upto=form.upto)
        return Response(outputs.read_output(read, chat_ids))


class MarkPrivateReadView(_ReadView):
    form = inputs.ReadPrivateInput
    is_group = False

    @extend_schema(request=inputs.ReadPrivateInput, responses=outputs.ReadOutput, summary="I have read it")
    def post(self, request: SignedIn) -> Response:
        return self.mark(request)


class MarkGroupReadView(_ReadView):
    form = inputs.ReadGroupInput
    is_group = True

    @extend_schema(request=inputs.ReadGroupInput, responses=outputs.ReadOutput, summary="I have read it")
    def post(self, request: SignedIn) -> Response:
        return self.mark(request)


class MarkUnreadView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=inputs.MarkUnreadInput,
        responses=outputs.MarkedUnreadOutput,
        summary="A message and what follows it is unread again, for me",
        description="What others were told that I have read stays told.",
    )
    def post(self, request: SignedIn) -> Response:
        return Response(services.mark_unread(by=request.user, **inputs.MarkUnreadInput.read(request.data).given()))


class DraftView(APIView):
    cost = costs.CHANGE

    @extend_schema(
        request=inputs.DraftInput,
        responses=outputs.DraftOutput,
        summary="Keep what I have begun to write in a chat, for my other devices",
    )
    def post(self, request: SignedIn) -> Response:
        return Response(services.save_draft(by=request.user, **inputs.DraftInput.read(request.data).given()))


class DraftsView(APIView):
    cost = costs.READ

    @extend_schema(responses=outputs.DraftOutput(many=True), summary="What I have begun to write, in all chats")
    def get(self, request: SignedIn) -> Response:
        return Response(services.drafts(user=request.user))


class RecallView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=inputs.MessageIdInput, responses=MessageOutput, summary="Recall a message")
    def post(self, request: SignedIn) -> Response:
        return Response(services.recall(by=request.user, **inputs.MessageIdInput.read(request.data).given()))


class EditView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=inputs.EditInput, responses={200: MessageOutput, 202: _HELD}, summary="Edit a text")
    def post(self, request: SignedIn) -> Response:
        return Response(services.edit(by=request.user, **inputs.EditInput.read(request.data).given()))


class HideView(APIView):
    cost = costs.CHANGE

    @extend_schema(
        request=inputs.HideInput, responses=outputs.HiddenInChatsOutput, summary="Delete messages for myself"
    )
    def post(self, request: SignedIn) -> Response:
        return Response(services.hide(by=request.user, **inputs.HideInput.read(request.data).given()))


class ForwardView(APIView):
    cost = costs.READ  # beside RATE_MESSAGES, which counts each message

    @extend_schema(
        request=inputs.ForwardInput, responses={201: outputs.ForwardedOutput}, summary="Forward messages to chats"
    )
    def post(self, request: SignedIn) -> Response:
        form = inputs.ForwardInput.read(request.data)
        return Response(services.forward(by=request.user, **form.asked()), status=201)


class ReactView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=inputs.ReactInput, responses=MessageOutput, summary="React to a message, or no more")
    def post(self, request: SignedIn) -> Response:
        return Response(services.react(by=request.user, **inputs.ReactInput.read(request.data).given()))


class PinView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=inputs.PinInput, responses=outputs.PinsOutput, summary="Pin a message for everybody in its chat, or not"
    )
    def post(self, request: SignedIn) -> Response:
        return Response(services.pin(by=request.user, **inputs.PinInput.read(request.data).given()))


class ReactionsView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(inputs.ReactionsInput)],
        responses=outputs.ReactedOutput(many=True),
        summary="Who reacted to a message, and how",
        description="My own reactions, before the first page of the others.",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.ReactionsInput.read(request.query_params)
        found = selectors.reactions(request.user, **form.given())
        here = online_among(one.user_id for one in found)
        response = Response([outputs.reacted_output(one, online=one.user_id in here) for one in found])
        others = [one for one in found if one.user_id != request.user.pk]
        return with_next(response, request, after=others[-1].pk) if len(others) == form.limit else response


class OwnReactionsView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(inputs.QuotedInput)],
        responses=outputs.OwnReactionsOutput(many=True),
        summary="What I have put on messages that do not name who reacted",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.QuotedInput.read(request.query_params)
        return Response(
            [outputs.own_reactions_output(*one) for one in selectors.own_reactions(request.user, form.message_ids)]
        )


def _people(people: Sequence[User]) -> Response:
    here = online_among(user.pk for user in people)
    return Response([user_output(user, online=user.pk in here) for user in people])


class ReadersView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(inputs.ReadersInput)],
        responses=UserOutput(many=True),
        summary="Who has read it, or not yet",
        description="Without its sender. Without `limit` all of them, by their names. When each read it is not kept.",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.ReadersInput.read(request.query_params)
        found = selectors.readers(request.user, **form.given())
        response = _people([membership.user for membership in found])
        is_page = form.limit is not UNSET and len(found) == form.limit
        return with_next(response, request, after=found[-1].pk) if is_page else response


class AddedPeopleView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(inputs.MessageIdInput)],
        responses=UserOutput(many=True),
        summary="All people whom a system line about additions counts",
        description="Those who are still members; none for other messages.",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.MessageIdInput.read(request.query_params)
        return _people(selectors.added_with(request.user, message_id=form.message_id))


class SearchView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        parameters=[serializer_of(inputs.SearchInput)],
        responses=outputs.FoundMessageOutput(many=True),
        summary="Find messages",
        description="Each word of `q` is a part of what is found, in any order; words in quotes follow each other. "
        "While the index is built, a page may be short, or empty, and yet name a next one.",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.SearchInput.read(request.query_params)
        found = services.search(by=request.user, **form.given())
        response = Response(outputs.marked_output(request.user.pk, found))
        return response if found.next is None else with_next(response, request, before=found.next)


class ShelfView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(inputs.ShelfInput)],
        responses=MessageOutput(many=True),
        summary="What a chat has of one kind: pictures and videos, files, voice, places or links",
        description="Newest first.",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.ShelfInput.read(request.query_params)
        found = services.shelf(by=request.user, **form.given())
        response = Response(outputs.found_output(request.user.pk, found.messages))
        return response if found.next is None else with_next(response, request, before=found.next)


class QuotedView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(inputs.QuotedInput)],
        responses=MessageOutput(many=True),
        summary="Messages by their ids, as replies name them",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.QuotedInput.read(request.query_params)
        found = selectors.quoted(request.user, form.message_ids)
        return Response(outputs.found_output(request.user.pk, found))


class HighlightView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=inputs.HighlightInput,
        responses=outputs.HighlightOutput,
        summary="Which parts of a code block are keywords, strings, comments",
    )
    def post(self, request: SignedIn) -> Response:
        form = inputs.HighlightInput.read(request.data)
        return Response({"kinds": services.highlight(by=request.user, code=form.code, language=form.language)})


class DayView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(inputs.DayInput)],
        responses=outputs.FirstOfDayOutput,
        summary="The first message of a day in a chat, or of the next day with one",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.DayInput.read(request.query_params)
        return Response({"seq": services.first_since(by=request.user, **form.given())})


class PlaceSearchView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        parameters=[serializer_of(inputs.PlaceSearchInput)],
        responses=outputs.PlaceOutput(many=True),
        summary="Find places by a name",
        description="The best first, from the service that the installation names; none without such a service.",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.PlaceSearchInput.read(request.query_params)
        found = services.find_places(by=request.user, text=form.text, language=get_language() or "")
        return Response([one._asdict() for one in found])


class PlaceAddressView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        parameters=[serializer_of(inputs.PlaceAddressInput)],
        responses=outputs.AddressOutput,
        summary="The address of a place",
        description="From the service that the installation names; empty without such a service.",
    )
    def get(self, request: SignedIn) -> Response:
        form = inputs.PlaceAddressInput.read(request.query_params)
        place = places.point(form.latitude, form.longitude, decimals=settings.LOCATION_DECIMALS)
        address = services.address_of(by=request.user, place=place, language=get_language() or "")
        return Response({"address": address})


class SyncView(APIView):
    cost = costs.READ

    @extend_schema(request=inputs.SyncInput, responses=outputs.SyncOutput, summary="What changed since")
    def post(self, request: SignedIn) -> Response:
        form = inputs.SyncInput.read(request.data)
        changes = selectors.changes(request.user, form.versions(), form.hidden_counts())
        return Response(outputs.sync_output(request.user.pk, changes, epoch=services.current_epoch()))


def _content(media: UploadedFile) -> IO[bytes]:
    """What was uploaded: FILE_UPLOAD_HANDLERS puts every file on the disk."""
    assert isinstance(media, ScratchFile)
    return cast(IO[bytes], media.file)


class UploadView(APIView):
    """Authentication and the rate limit come before the body is received: see upload_gate.py."""

    cost = costs.CHANGE

    parser_classes = [FileParser]

    @extend_schema(
        request={"multipart/form-data": inputs.UploadInput},
        responses={201: outputs.UploadOutput},
        summary="Upload what a message will carry",
    )
    def post(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        form = inputs.UploadInput.read(request.data)
        name = getattr(form.media, "given_name", "")
        upload = services.receive(owner=request.user, source=_content(form.media), name=name, folder=form.media_type)
        return Response(outputs.upload_output(upload), status=201)


class _AvatarView(APIView):
    cost = costs.HEAVY

    parser_classes = [FileParser]


class MyAvatarView(_AvatarView):
    @extend_schema(
        request={"multipart/form-data": inputs.AvatarInput},
        responses=MeOutput,
        summary="Show a picture of myself",
        description="The middle of it as a square. `PATCH /me` with an empty `img` takes it away.",
    )
    def post(self, request: SignedIn) -> Response:
        form = inputs.AvatarInput.read(request.data)
        user = services.set_own_avatar(user=request.user, source=_content(form.media))
        return Response(me_output(user, online=user.pk in online_among([user.pk])))


class GroupAvatarView(_AvatarView):
    @extend_schema(
        request={"multipart/form-data": inputs.GroupAvatarInput},
        responses=GroupOutput,
        summary="Show a picture of a group",
        description="For its admins. `POST /group/update` with an empty `avatar` takes it away.",
    )
    def post(self, request: SignedIn) -> Response:
        form = inputs.GroupAvatarInput.read(request.data)
        membership = services.set_group_avatar(by=request.user, source=_content(form.media), group_id=form.group_id)
        room = membership.room
        return Response(group_output(room, role=membership.role, members=rooms.members(room.pk)))


class UploadedView(APIView):
    """404 to everyone who may not see the file, the anonymous among them."""

    cost = costs.LIGHT

    permission_classes = [AllowAny]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Ignore `Accept`: an `image/*` in it is about the file, not about our refusals."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            206: OpenApiTypes.BINARY,
            302: None,
            304: None,
        },
        summary="A file or its thumbnail, to those who may see its message; an avatar, to everyone who is signed in",
    )
    def get(self, request: Request, path: str) -> HttpResponseBase:
        if not isinstance(request.user, User):
            raise NotFound()
        return download.response(request, selectors.stored_file(request.user, path))

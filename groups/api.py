"""HTTP routes of groups."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from msgspec import UNSET
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import SignedIn
from accounts.rules import sees_only_contacts
from chatproject.core import costs
from chatproject.core.http.api import WHOLE_LIST, Page, listed, require_self, with_next
from chatproject.core.http.forms import serializer_of
from chatproject.core.redis import budget
from groups import asking, selectors, serializers, services
from groups.models import JoinRequest, Membership, Room
from groups.serializers import (
    ChatSettingsOutput,
    GroupOutput,
    ManyOutput,
    MemberOutput,
    RequestOutput,
    chat_settings_output,
    group_output,
    many_output,
    members_output,
    request_output,
    requests_output,
)


def _group(membership: Membership, *, status: int = 200, invite_code: str | None = None) -> Response:
    """A group with its members, as one of them sees it."""
    members = selectors.members(membership.room_id)
    return Response(
        group_output(membership.room, role=membership.role, members=members, invite_code=invite_code), status=status
    )


class CreateView(APIView):
    cost = costs.HEAVY

    @extend_schema(request=serializers.CreateInput, responses={201: GroupOutput}, summary="Create a group")
    def post(self, request: SignedIn) -> Response:
        require_self(request, "creatorId", "userId")
        form = serializers.CreateInput.read(request.data)
        budget.spend(request.user.pk, len(form.member_ids))
        room = services.create(by=request.user, **form.given())
        return _group(selectors.membership(request.user, room.pk), status=201)


class JoinView(APIView):
    cost = costs.HEAVY

    @extend_schema(request=serializers.JoinInput, responses=GroupOutput, summary="Join an open group, or by invitation")
    def post(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        form = serializers.JoinInput.read(request.data)
        return _group(services.join(by=request.user, **form.given()))


class ListView(APIView):
    cost = costs.READ

    @extend_schema(responses=GroupOutput(many=True), summary="My groups")
    def get(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        return Response(
            [
                group_output(membership.room, role=membership.role)
                for membership in selectors.group_memberships(request.user)
            ]
        )


class AllListView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(serializers.ListInput)],
        responses=GroupOutput(many=True),
        summary="Groups I may see",
        description=WHOLE_LIST,
    )
    def get(self, request: SignedIn) -> HttpResponseBase:
        form = serializers.ListInput.read(request.query_params)
        user = request.user
        only_own = sees_only_contacts(user)

        def page(limit: int, after: UUID | None) -> Page[UUID | None]:
            rooms = selectors.listed_groups(user, search=form.search, only_own=only_own, after=after, limit=limit)
            memberships = selectors.memberships_of(user.pk, [room.pk for room in rooms])
            asked = selectors.own_requests(user, [room for room in rooms if room.pk not in memberships])
            outputs = [_listed(room, memberships.get(room.pk), asked.get(room.pk)) for room in rooms]
            return Page(outputs, rooms[-1].pk if rooms else after)

        def end_of(count: int) -> UUID | None:
            return selectors.end_of_listed_groups(user, count, search=form.search, only_own=only_own, after=form.after)

        return listed(request, page, after=form.after, limit=None if form.limit is UNSET else form.limit, end_of=end_of)


def _listed(room: Room, membership: Membership | None, request: JoinRequest | None) -> dict[str, Any]:
    if membership is None:
        return group_output(room, is_member=False, request=request)
    return group_output(room, role=membership.role)


class RequestView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=serializers.AskInput,
        responses=RequestOutput,
        summary="Ask to join a group that decides whom it takes",
    )
    def post(self, request: SignedIn) -> Response:
        asked = asking.ask(by=request.user, **serializers.AskInput.read(request.data).given())
        return Response(request_output(asked, state="asked", online=True))


class WithdrawRequestView(APIView):
    cost = costs.HEAVY

    @extend_schema(request=serializers.GroupInput, responses=RequestOutput, summary="Take such a request back")
    def post(self, request: SignedIn) -> Response:
        withdrawn = asking.withdraw(by=request.user, **serializers.GroupInput.read(request.data).given())
        return Response(request_output(withdrawn, state="withdrawn", online=True))


class RequestsView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(serializers.RequestsInput)],
        responses=RequestOutput(many=True),
        summary="Who asks to join a group",
        description="For its owner and administrators, the first one first.",
    )
    def get(self, request: SignedIn, group_id: UUID) -> Response:
        form = serializers.RequestsInput.read(request.query_params)
        found = asking.requests(by=request.user, group_id=group_id, **form.given())
        response = Response(requests_output(found))
        return with_next(response, request, after=found[-1].pk) if len(found) == form.limit else response


class AcceptRequestView(APIView):
    cost = costs.HEAVY

    @extend_schema(request=serializers.MemberInput, responses=GroupOutput, summary="Let somebody in who asked to join")
    def post(self, request: SignedIn) -> Response:
        return _group(asking.accept(by=request.user, **serializers.MemberInput.read(request.data).given()))


class RefuseRequestView(APIView):
    cost = costs.HEAVY

    @extend_schema(request=serializers.MemberInput, responses=GroupOutput, summary="Refuse somebody who asked to join")
    def post(self, request: SignedIn) -> Response:
        return _group(asking.refuse(by=request.user, **serializers.MemberInput.read(request.data).given()))


class MembersView(APIView):
    cost = costs.READ

    @extend_schema(
        parameters=[serializer_of(serializers.MembersInput)],
        responses=MemberOutput(many=True),
        summary="Who is in a group",
        description=(
            "Owner and administrators first, then by the time they joined. For those who are in it, or may join it. "
            "Without `limit` all of them."
        ),
    )
    def get(self, request: SignedIn, group_id: UUID) -> Response:
        form = serializers.MembersInput.read(request.query_params)
        after, limit = form.seat(), None if form.limit is UNSET else form.limit
        room = selectors.visible_group(request.user, group_id)
        found = selectors.members(room.pk, search=form.search, after=after, limit=limit)
        response = Response(members_output(found))
        if len(found) == limit:
            return with_next(response, request, after=selectors.Seat.of(found[-1]))
        return response


class LeaveView(APIView):
    cost = costs.HEAVY

    @extend_schema(request=serializers.GroupInput, responses=GroupOutput, summary="Leave a group")
    def post(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        room = services.leave(by=request.user, **serializers.GroupInput.read(request.data).given())
        return Response(group_output(room))


class TempLeaveView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=serializers.GroupInput, responses=GroupOutput, summary="Leave a group for a while")
    def post(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        return _group(services.leave_for_a_while(by=request.user, **serializers.GroupInput.read(request.data).given()))


class ReturnView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=serializers.GroupInput, responses=GroupOutput, summary="Come back to a group")
    def post(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        return _group(services.come_back(by=request.user, **serializers.GroupInput.read(request.data).given()))


class UpdateView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=serializers.UpdateInput,
        responses=GroupOutput,
        summary="Change a group: its name, what it is about, its announcement, who may join and write",
    )
    def post(self, request: SignedIn) -> Response:
        return _group(services.update(by=request.user, **serializers.UpdateInput.read(request.data).given()))


class CloseAnnouncementView(APIView):
    cost = costs.CHANGE

    @extend_schema(
        request=serializers.CloseAnnouncementInput,
        responses=ChatSettingsOutput,
        summary="Close a group's announcement for myself",
    )
    def post(self, request: SignedIn) -> Response:
        form = serializers.CloseAnnouncementInput.read(request.data)
        return Response(chat_settings_output(services.close_announcement(by=request.user, **form.given())))


class KickView(APIView):
    cost = costs.HEAVY

    @extend_schema(request=serializers.MemberInput, responses=GroupOutput, summary="Remove a member")
    def post(self, request: SignedIn) -> Response:
        return _group(services.remove(by=request.user, **serializers.MemberInput.read(request.data).given()))


class SetRoleView(APIView):
    cost = costs.HEAVY

    @extend_schema(request=serializers.RoleInput, responses=GroupOutput, summary="Appoint or dismiss an administrator")
    def post(self, request: SignedIn) -> Response:
        return _group(services.set_role(by=request.user, **serializers.RoleInput.read(request.data).given()))


class MuteView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=serializers.MuteInput, responses=GroupOutput, summary="Mute a group for myself")
    def post(self, request: SignedIn) -> Response:
        require_self(request, "userId")
        return _group(services.mute(by=request.user, is_group=True, **serializers.MuteInput.read(request.data).given()))


class ChatMuteView(APIView):
    cost = costs.CHANGE

    @extend_schema(request=serializers.ChatMuteInput, responses=ChatSettingsOutput, summary="Mute a chat for myself")
    def post(self, request: SignedIn) -> Response:
        membership = services.mute(by=request.user, **serializers.ChatMuteInput.read(request.data).given())
        return Response(chat_settings_output(membership))


class ChatLevelView(APIView):
    cost = costs.CHANGE

    @extend_schema(
        request=serializers.ChatLevelInput,
        responses=ChatSettingsOutput,
        summary="Choose which messages of a chat notify me",
        description="A mute is for a while, and leaves mentions at most: it changes no level.",
    )
    def post(self, request: SignedIn) -> Response:
        membership = services.set_level(by=request.user, **serializers.ChatLevelInput.read(request.data).given())
        return Response(chat_settings_output(membership))


class ChatPinView(APIView):
    cost = costs.CHANGE

    @extend_schema(
        request=serializers.ChatPinInput, responses=ChatSettingsOutput, summary="Keep a chat above my others"
    )
    def post(self, request: SignedIn) -> Response:
        membership = services.pin(by=request.user, **serializers.ChatPinInput.read(request.data).given())
        return Response(chat_settings_output(membership))


class ChatArchiveView(APIView):
    cost = costs.CHANGE

    @extend_schema(
        request=serializers.ChatArchiveInput, responses=ChatSettingsOutput, summary="Put a chat away until it moves"
    )
    def post(self, request: SignedIn) -> Response:
        membership = services.archive(by=request.user, **serializers.ChatArchiveInput.read(request.data).given())
        return Response(chat_settings_output(membership))


class TransferView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=serializers.MemberInput,
        responses=GroupOutput,
        summary="Offer a group to another member",
        description="The member becomes its owner by `POST /group/transfer/accept`.",
    )
    def post(self, request: SignedIn) -> Response:
        return _group(services.transfer(by=request.user, **serializers.MemberInput.read(request.data).given()))


class AcceptTransferView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=serializers.GroupInput, responses=GroupOutput, summary="Become the owner of a group that was offered"
    )
    def post(self, request: SignedIn) -> Response:
        return _group(services.accept_transfer(by=request.user, **serializers.GroupInput.read(request.data).given()))


class DeclineTransferView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=serializers.GroupInput,
        responses=GroupOutput,
        summary="Decline a group that was offered; as its owner, take the offer back",
    )
    def post(self, request: SignedIn) -> Response:
        return _group(services.decline_transfer(by=request.user, **serializers.GroupInput.read(request.data).given()))


class DissolveView(APIView):
    cost = costs.HEAVY

    @extend_schema(request=serializers.GroupInput, responses=GroupOutput, summary="Dissolve a group")
    def post(self, request: SignedIn) -> Response:
        room = services.dissolve(by=request.user, **serializers.GroupInput.read(request.data).given())
        return Response(group_output(room))


class InviteView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=serializers.InviteInput, responses=GroupOutput, summary="Bring people in, get the invitation code"
    )
    def post(self, request: SignedIn) -> Response:
        form = serializers.InviteInput.read(request.data)
        budget.spend(request.user.pk, len(form.user_ids))
        membership = services.invite(by=request.user, **form.given())
        return _group(membership, invite_code=membership.room.invite_code)


def _many(request: SignedIn, verb: Callable[..., services.Many]) -> Response:
    form = serializers.ManyInput.read(request.data)
    budget.spend(request.user.pk, len(form.user_ids))
    membership, done, refused = verb(by=request.user, **form.given())
    return Response(many_output(membership.room, done, refused))


class AddView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=serializers.ManyInput, responses=ManyOutput, summary="Add those of some people who may be added"
    )
    def post(self, request: SignedIn) -> Response:
        return _many(request, services.add_many)


class RemoveView(APIView):
    cost = costs.HEAVY

    @extend_schema(
        request=serializers.ManyInput, responses=ManyOutput, summary="Remove those of some members who may be removed"
    )
    def post(self, request: SignedIn) -> Response:
        return _many(request, services.remove_many)

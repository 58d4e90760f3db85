"""Routes of groups, and of a user's own settings of a chat."""

from django.urls import path

from groups import api

urlpatterns = [
    path("group/create", api.CreateView.as_view()),
    path("group/join", api.JoinView.as_view()),
    path("group/request", api.RequestView.as_view()),
    path("group/request/withdraw", api.WithdrawRequestView.as_view()),
    path("group/request/accept", api.AcceptRequestView.as_view()),
    path("group/request/refuse", api.RefuseRequestView.as_view()),
    path("group/requests/<uuid:group_id>", api.RequestsView.as_view()),
    path("group/list", api.ListView.as_view()),
    path("group/allList", api.AllListView.as_view()),
    path("group/members/<uuid:group_id>", api.MembersView.as_view()),
    path("group/leave", api.LeaveView.as_view()),
    path("group/tempLeave", api.TempLeaveView.as_view()),
    path("group/return", api.ReturnView.as_view()),
    path("group/update", api.UpdateView.as_view()),
    path("group/closeAnnouncement", api.CloseAnnouncementView.as_view()),
    path("group/kick", api.KickView.as_view()),
    path("group/setRole", api.SetRoleView.as_view()),
    path("group/mute", api.MuteView.as_view()),
    path("group/transfer", api.TransferView.as_view()),
    path("group/transfer/accept", api.AcceptTransferView.as_view()),
    path("group/transfer/decline", api.DeclineTransferView.as_view()),
    path("group/dissolve", api.DissolveView.as_view()),
    path("group/invite", api.InviteView.as_view()),
    path("group/add", api.AddView.as_view()),
    path("group/remove", api.RemoveView.as_view()),
    path("chat/mute", api.ChatMuteView.as_view()),
    path("chat/level", api.ChatLevelView.as_view()),
    path("chat/archive", api.ChatArchiveView.as_view()),
    path("chat/pin", api.ChatPinView.as_view()),
]

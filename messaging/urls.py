"""Routes of messages, uploads and the page itself."""

from django.urls import path

from messaging import api, pwa, views
from messaging.asyncapi import asyncapi

urlpatterns = [
    path("", views.chat, name="chat"),
    path("chat/private/<uuid:chat_id>/", views.chat, {"is_group": False}),
    path("chat/message/<uuid:message_id>/", views.message),
    path("chat/group/<uuid:chat_id>/", views.chat, {"is_group": True}),
    path("shell/", pwa.shell, name="shell"),
    path("sw.js", pwa.worker),
    path("manifest.webmanifest", pwa.manifest, name="manifest"),
    path("chatList", api.ChatListView.as_view()),
    path("private/messages", api.PrivateMessagesView.as_view()),
    path("private/send", api.PrivateSendView.as_view()),
    path("unread", api.UnreadView.as_view()),
    path("markPrivateRead", api.MarkPrivateReadView.as_view()),
    path("group/send", api.GroupSendView.as_view()),
    path("group/messages", api.GroupMessagesView.as_view()),
    path("group/markGroupRead", api.MarkGroupReadView.as_view()),
    path("chat/markUnread", api.MarkUnreadView.as_view()),
    path("chat/draft", api.DraftView.as_view()),
    path("chat/drafts", api.DraftsView.as_view()),
    path("message/recall", api.RecallView.as_view()),
    path("message/edit", api.EditView.as_view()),
    path("message/hide", api.HideView.as_view()),
    path("message/forward", api.ForwardView.as_view()),
    path("message/react", api.ReactView.as_view()),
    path("message/pin", api.PinView.as_view()),
    path("message/reactions", api.ReactionsView.as_view()),
    path("message/readers", api.ReadersView.as_view()),
    path("message/people", api.AddedPeopleView.as_view()),
    path("message/quoted", api.QuotedView.as_view()),
    path("message/search", api.SearchView.as_view()),
    path("message/day", api.DayView.as_view()),
    path("chat/shelf", api.ShelfView.as_view()),
    path("message/highlight", api.HighlightView.as_view()),
    path("place/search", api.PlaceSearchView.as_view()),
    path("place/address", api.PlaceAddressView.as_view()),
    path("upload", api.UploadView.as_view()),
    path("me/avatar", api.MyAvatarView.as_view()),
    path("group/avatar", api.GroupAvatarView.as_view()),
    path("uploads/<path:path>", api.UploadedView.as_view()),
    path("sync", api.SyncView.as_view()),
    path("api/socket/", asyncapi, name="asyncapi"),
]

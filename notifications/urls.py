"""Push, and what notifies a person."""

from django.urls import path

from notifications import api

urlpatterns = [
    path("me/notifications", api.PreferencesView.as_view()),
    path("push", api.PushView.as_view()),
    path("push/subscribe", api.SubscribeView.as_view()),
    path("push/unsubscribe", api.UnsubscribeView.as_view()),
    path("push/test", api.TestView.as_view()),
]

"""Routes of users and devices, and the sign-in pages."""

from django.urls import path

from accounts import api, views

urlpatterns = [
    path("login", api.LoginView.as_view()),
    path("logout", api.LogoutView.as_view()),
    path("createUser", api.CreateUserView.as_view()),
    path("userChatList", api.UserChatListView.as_view()),
    path("user/<uuid:user_id>", api.UserView.as_view()),
    path("me", api.MeView.as_view()),
    path("me/status", api.StatusView.as_view()),
    path("me/sessions", api.SessionsView.as_view()),
    path("me/sessions/<uuid:device_id>", api.SessionView.as_view()),
    path("sign-in/", views.SignInView.as_view(), name="sign-in"),
    path("sign-up/", views.SignUpView.as_view(), name="sign-up"),
    path("new-password/<uidb64>/<token>/", views.NewPasswordView.as_view(), name="new-password"),
    path("sign-out/", views.sign_out, name="sign-out"),
    # In place of the administration's own, which know no devices: they precede `admin/` in the
    # project's urls.
    path("admin/login/", views.admin_sign_in),
    path("admin/logout/", views.sign_out),
]

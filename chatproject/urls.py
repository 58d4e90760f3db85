"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("groups.urls")),
    path("", include("messaging.urls")),
    path("admin/", admin.site.urls),
]

"""The site's routes."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog
from drf_spectacular.views import SpectacularSwaggerSplitView

from chatproject.core.http.probes import PROBES
from chatproject.core.http.schema import SchemaView

# Only our own texts: the admin's scripts have a catalog of their own.
script_words = JavaScriptCatalog.as_view(packages=["chatproject.core"])

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("messaging.urls")),
    path("", include("notifications.urls")),
    path("", include("groups.urls")),
    path("", include("accounts.urls")),
    # Middleware answers them earlier, for any Host: here they are among the site's routes.
    *(path(address.removeprefix("/"), view) for address, view in PROBES.items()),
    path("i18n/", include("django.conf.urls.i18n")),
    path("i18n/words.js", cache_control(private=True, max_age=3600)(script_words), name="jsi18n"),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("admin/", admin.site.urls),
]

handler400 = "chatproject.core.http.error_views.bad_request"
handler403 = "chatproject.core.http.error_views.forbidden"
handler404 = "chatproject.core.http.error_views.not_found"
handler500 = "chatproject.core.http.error_views.server_error"

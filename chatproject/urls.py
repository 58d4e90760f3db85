"""The site's routes."""

from contextlib import nullcontext

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path
from django.utils import translation
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog
from drf_spectacular.views import SpectacularSwaggerSplitView

from chatproject.core.http.probes import PROBES
from chatproject.core.http.schema import SchemaView

# Only our own texts: the admin's scripts have a catalog of their own.
_catalog = JavaScriptCatalog.as_view(packages=["chatproject.core"])


def script_words(request: HttpRequest) -> HttpResponseBase:
    """The scripts' texts in the language that the address names: a service worker keeps them under it."""
    named = request.META.get("QUERY_STRING", "")
    with translation.override(named) if named in dict(settings.LANGUAGES) else nullcontext():
        return _catalog(request)


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

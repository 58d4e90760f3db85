"""The OpenAPI document, made once for each language and format."""

import threading
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

_made: dict[tuple[str, str], bytes] = {}
_making = threading.Lock()


class SchemaView(SpectacularAPIView):
    """drf-spectacular's view, which makes the document anew for each request: fifty milliseconds."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer: Any = request.accepted_renderer
        content_type = f"{renderer.media_type}; charset={renderer.charset}" if renderer.charset else renderer.media_type
        response = HttpResponse(self._document(_language(request), renderer), content_type=content_type)
        response["Content-Disposition"] = f'inline; filename="{self._get_filename(request, None)}"'
        return response

    def _document(self, language: str, renderer: Any) -> bytes:
        key = language, renderer.format
        if key not in _made:
            with _making, translation.override(language):
                if key not in _made:
                    document = self.generator_class(urlconf=self.urlconf).get_schema(request=None, public=True)
                    _made[key] = renderer.render(document, renderer_context={})
        return _made[key]


def _language(request: Request) -> str:
    """The language of the query or of the request: one of ours, whatever is asked for."""
    try:
        return translation.get_supported_language_variant(
            request.query_params.get("lang") or translation.get_language()
        )
    except LookupError:
        return settings.LANGUAGE_CODE

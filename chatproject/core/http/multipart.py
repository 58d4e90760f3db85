"""Forms with files whose names arrive as they were given.

Django's own parser removes characters that Python's Unicode does not know, and joiners, decodes HTML
entities, and leaves out a file of which no name remains.
"""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http.multipartparser import MultiPartParser as DjangoMultiPartParser
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import DataAndFiles, MultiPartParser

#: Browsers write these characters of a name so, and no others (WHATWG's multipart/form-data).
_WRITTEN = {"%22": '"', "%0D": "\r", "%0A": "\n"}


class FileParser(MultiPartParser):
    """REST framework's parser, with `_Names` beneath it."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> DataAndFiles:
        request = parser_context["request"]
        meta = {**request.META, "CONTENT_TYPE": media_type}
        encoding = parser_context.get("encoding", settings.DEFAULT_CHARSET)
        try:
            return DataAndFiles(*_Names(meta, stream, request.upload_handlers[:], encoding).parse())
        except MultiPartParserError as error:
            raise ParseError(f"Multipart form parse error - {error}") from error


class _Names(DjangoMultiPartParser):
    def sanitize_file_name(self, file_name: str) -> str:
        for written, meant in _WRITTEN.items():
            file_name = file_name.replace(written, meant)
        return file_name


class ScratchUploadHandler(TemporaryFileUploadHandler):
    """Every file on the disk, under a name of ours; `given_name` of the file is what the client said."""

    def new_file(self, field_name: str, file_name: str, *more: Any, **options: Any) -> None:
        super().new_file(field_name, "upload", *more, **options)
        self.file.given_name = file_name  # type: ignore[attr-defined]

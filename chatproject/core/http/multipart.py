"""Forms with files whose names arrive as they were given.

Django's own parser removes characters that Python's Unicode does not know, and joiners, decodes HTML
entities, and leaves out a file of which no name remains.
"""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser as DjangoMultiPartParser
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import DataAndFiles, MultiPartParser

from chatproject.core.files import scratch

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


class ScratchFile(UploadedFile):
    """An uploaded file in scratch; `given_name` is what the client said."""

    given_name = ""


class ScratchUploadHandler(FileUploadHandler):
    """Every file on the disk, under no name."""

    file: ScratchFile

    def new_file(self, field_name: str, file_name: str, *more: Any, **options: Any) -> None:
        super().new_file(field_name, "upload", *more, **options)
        self.file = ScratchFile(scratch.new(), "upload", self.content_type, 0, self.charset, self.content_type_extra)
        self.file.given_name = file_name

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> ScratchFile:
        self.file.seek(0)
        self.file.size = file_size
        return self.file

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()

"""A video, with a poster."""

from django.utils.translation import gettext_lazy as _

from messaging.types.uploaded import Uploaded


class Video(Uploaded):
    name, label = "video", _("video")
    shelf = "media"

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = _("Messages")

    def ready(self) -> None:
        from groups import services as groups
        from messaging import selectors, services

        groups.post_system_message = services.post_system_message
        groups.find_correspondents = selectors.correspondents

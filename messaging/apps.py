from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = _("Messages")

    def ready(self) -> None:
        from accounts import services as accounts
        from groups import services as groups
        from messaging import selectors, services

        groups.post_system_message = services.post_system_message
        groups.memberships_changed = services.forget_users
        accounts.appearance_changed = services.forget_sender
        groups.find_correspondents = selectors.correspondents

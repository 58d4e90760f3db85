from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    # No default_auto_field here: the user's join tables then suit every database from one
    # migration.
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from django.contrib.auth.models import Group

        # Groups are those in which people talk.
        Group._meta.verbose_name, Group._meta.verbose_name_plural = _("role of staff"), _("roles of staff")

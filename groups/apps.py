from django.apps import AppConfig
from django.db.models.signals import pre_delete
from django.utils.translation import gettext_lazy as _


class GroupsConfig(AppConfig):
    name = "groups"
    verbose_name = _("Groups")

    def ready(self) -> None:
        from accounts import services as accounts
        from accounts.models import User
        from groups import services

        accounts.pass_on_groups = services.pass_on_groups
        # Whatever deletes a person: their groups go on.
        pre_delete.connect(_pass_on_groups, sender=User)


def _pass_on_groups(instance: object, **_: object) -> None:
    from accounts.models import User
    from groups import services

    if isinstance(instance, User):
        services.pass_on_groups(instance)

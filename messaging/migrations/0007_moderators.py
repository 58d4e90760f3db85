"""A role for those who look after people and groups, without every right: given by its name, and then as staff change it."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

NAME = "版主 Moderators"
RIGHTS = {
    "accounts": ("view_user", "change_user", "view_device", "delete_device"),
    "groups": ("view_room", "change_room", "delete_room", "view_membership", "add_staffaccess", "view_staffaccess"),
    "messaging": ("view_message", "delete_message", "view_upload"),
    "admin": ("view_logentry",),
}


def make(apps, schema_editor):
    for label in RIGHTS:  # they are made after all migrations, as a rule
        create_permissions(installed.get_app_config(label), verbosity=0, using=schema_editor.connection.alias)
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    group, _ = Group.objects.get_or_create(name=NAME)
    for label, names in RIGHTS.items():
        group.permissions.add(*Permission.objects.filter(content_type__app_label=label, codename__in=names))


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0006_epoch"),
        ("accounts", "0006_installation_name"),
        ("groups", "0009_staff_access"),
        ("auth", "__latest__"),
        ("contenttypes", "__latest__"),
        ("admin", "__latest__"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]

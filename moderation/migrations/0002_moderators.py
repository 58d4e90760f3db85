"""Moderators see what the word lists found, and decide about what is held."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

NAME = "版主 Moderators"
RIGHTS = {
    "moderation": ("view_wordlist", "view_hit", "change_hit"),
    "messaging": ("view_heldmessage", "change_heldmessage"),
}


def grant(apps, schema_editor):
    for label in RIGHTS:  # they are made after all migrations, as a rule
        create_permissions(installed.get_app_config(label), verbosity=0, using=schema_editor.connection.alias)
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    group = Group.objects.filter(name=NAME).first()  # staff may have renamed or deleted it
    if group is not None:
        for label, names in RIGHTS.items():
            group.permissions.add(*Permission.objects.filter(content_type__app_label=label, codename__in=names))


class Migration(migrations.Migration):
    dependencies = [
        ("moderation", "0001_initial"),
        ("messaging", "0009_heldmessage"),
        ("auth", "__latest__"),
        ("contenttypes", "__latest__"),
    ]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]

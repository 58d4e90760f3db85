"""Empty the addresses of this site that are no avatar's: everybody who looks would ask them with their cookies."""

from django.db import migrations


def empty(apps, schema_editor):
    rows = apps.get_model("groups", "Room").objects.using(schema_editor.connection.alias)
    rows.filter(avatar__startswith="/").exclude(avatar__startswith="/uploads/avatars/").update(avatar="")


class Migration(migrations.Migration):

    dependencies = [("groups", "0007_what_counts_as_unread")]

    operations = [migrations.RunPython(empty, migrations.RunPython.noop)]

"""Empty the addresses of this site that are no avatar's: everybody who looks would ask them with their cookies."""

from django.db import migrations


def empty(apps, schema_editor):
    rows = apps.get_model("accounts", "User").objects.using(schema_editor.connection.alias)
    rows.filter(img__startswith="/").exclude(img__startswith="/uploads/avatars/").update(img="")


class Migration(migrations.Migration):

    dependencies = [("accounts", "0003_name_skeletons")]

    operations = [migrations.RunPython(empty, migrations.RunPython.noop)]

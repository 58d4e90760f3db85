from django.db import migrations, models

from chatproject.core.sealing.migrating import Unlimit


class Migration(migrations.Migration):
    dependencies = [("messaging", "0012_shared_files")]

    operations = [
        Unlimit("upload", "name", models.TextField(editable=False, verbose_name="name")),
    ]

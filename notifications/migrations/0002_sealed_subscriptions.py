from django.db import migrations, models

from chatproject.core.sealing.migrating import Unlimit


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        Unlimit("pushsubscription", "auth", models.TextField(editable=False)),
        Unlimit("pushsubscription", "p256dh", models.TextField(editable=False)),
    ]

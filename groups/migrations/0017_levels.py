from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("groups", "0016_about_and_writing")]

    operations = [
        migrations.AddField("membership", "level", models.CharField(max_length=8, null=True, editable=False)),
    ]

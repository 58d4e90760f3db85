from django.db import migrations, models

from accounts.names import skeletons


def fill(apps, schema_editor):
    Room = apps.get_model("groups", "Room")
    rooms = list(Room.objects.filter(kind="group").only("name"))
    for room in rooms:
        room.shown_skeleton, room.folded_skeleton = skeletons(room.name)
    Room.objects.bulk_update(rooms, ["shown_skeleton", "folded_skeleton"], batch_size=200)


class Migration(migrations.Migration):
    dependencies = [("groups", "0005_invitations_with_limits")]

    operations = [
        migrations.AddField(
            model_name="room",
            name="shown_skeleton",
            field=models.CharField(blank=True, db_index=True, default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="room",
            name="folded_skeleton",
            field=models.CharField(blank=True, db_index=True, default="", editable=False, max_length=64),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]

"""Notes which messages have a link.

Each message is read once, and opened where it is encrypted; only those with a link are written. A million take some
15 seconds.
"""

from django.db import migrations, models

CHUNK = 2000
#: SQLite takes fewer than a thousand values in a condition.
TOGETHER = 500


def note(apps, schema_editor):
    from messaging.models import Message as Now
    from messaging.search_index.query import has_link

    messages = apps.get_model("messaging", "Message").objects.using(schema_editor.connection.alias)
    said = messages.filter(recalled_at=None).exclude(type="system").exclude(content="").order_by("pk")
    last = None
    while True:
        some = list((said.filter(pk__gt=last) if last else said).values_list("pk", "content")[:CHUNK])
        found = [pk for pk, content in some if has_link(Now.opened(pk, content, "")[0])]
        for start in range(0, len(found), TOGETHER):
            messages.filter(pk__in=found[start : start + TOGETHER]).update(has_link=True)
        if len(some) < CHUNK:
            return
        last = some[-1][0]


class Migration(migrations.Migration):
    dependencies = [("messaging", "0017_newest_blocks")]

    operations = [
        migrations.AddField("message", "has_link", models.BooleanField(null=True, editable=False)),
        migrations.RunPython(note, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex(
            "message",
            models.Index(fields=["room", "seq"], name="message_links", condition=models.Q(has_link=True)),
        ),
    ]

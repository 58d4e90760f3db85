"""A message names those who reacted to it up to ten, and beyond nobody: what was stored before named a hundred each."""

import json

from django.db import migrations

NAMED_MAX = 10
CHUNK = 500


def cut(apps, schema_editor):
    messages = apps.get_model("messaging", "Message").objects.using(schema_editor.connection.alias)
    reacted = messages.exclude(reactions_json=None).only("pk", "reactions_json").order_by("pk")
    last = None
    while True:
        some = list((reacted.filter(pk__gt=last) if last else reacted)[:CHUNK])
        changed = []
        for message in some:
            shown = json.loads(message.reactions_json)
            named = {user_id for one in shown for user_id in one["userIds"]}
            if len(named) > NAMED_MAX or any(one["count"] > len(one["userIds"]) for one in shown):
                message.reactions_json = json.dumps([{**one, "userIds": []} for one in shown], ensure_ascii=False)
                changed.append(message)
        if changed:
            messages.bulk_update(changed, ["reactions_json"])
        if len(some) < CHUNK:
            return
        last = some[-1].pk


class Migration(migrations.Migration):
    dependencies = [("messaging", "0018_links")]

    operations = [migrations.RunPython(cut, migrations.RunPython.noop, elidable=True)]

"""Counts the system lines and notes the recalls of messages that were stored before the counters.

The messages are read once and not written; a million take a few seconds.
"""

from bisect import bisect_right
from collections import defaultdict

from django.db import migrations
from django.db.models import Q

CHUNK = 1000


def count(apps, schema_editor):
    connection = schema_editor.connection
    Message = apps.get_model("messaging", "Message")
    Room, Membership, Recall = (apps.get_model("groups", name) for name in ("Room", "Membership", "Recall"))
    lines, own = defaultdict(list), defaultdict(list)
    recalls = []
    quiet = Message.objects.using(connection.alias).filter(Q(type="system") | Q(recalled_at__isnull=False))
    for room_id, seq, sender_id, kind in quiet.values_list("room_id", "seq", "sender_id", "type").iterator(CHUNK):
        if kind == "system":
            lines[room_id].append(seq)
            own[room_id, sender_id].append(seq)
        else:
            recalls.append(Recall(room_id=room_id, seq=seq, sender_id=sender_id))
    Recall.objects.using(connection.alias).bulk_create(recalls, batch_size=CHUNK)
    for seqs in (*lines.values(), *own.values()):
        seqs.sort()
    _update(connection, Room, ["system_lines"], ((room_id, len(seqs)) for room_id, seqs in lines.items()))
    changed = []
    for room_ids in _chunks(list(lines)):
        members = Membership.objects.using(connection.alias).filter(room_id__in=room_ids)
        columns = ("pk", "room_id", "user_id", "read_seq", "own_since_read")
        for pk, room_id, user_id, read_seq, own_since in members.values_list(*columns).iterator(CHUNK):
            mine = own.get((room_id, user_id), ())
            after = len(mine) - bisect_right(mine, read_seq)
            changed.append((pk, bisect_right(lines[room_id], read_seq), max(0, own_since - after)))
    _update(connection, Membership, ["system_lines_read", "own_since_read"], changed)


def _update(connection, model, names, rows):
    """Set these fields of each row, given as (primary key, *values)."""
    if connection.vendor == "mongodb":
        for chunk in _chunks(list(rows)):
            objects = [model(pk=row[0], **dict(zip(names, row[1:], strict=True))) for row in chunk]
            model.objects.using(connection.alias).bulk_update(objects, names)
        return
    key, quote = model._meta.pk, connection.ops.quote_name
    columns = ", ".join(f"{quote(model._meta.get_field(name).column)} = %s" for name in names)
    statement = f"UPDATE {quote(model._meta.db_table)} SET {columns} WHERE {quote(key.column)} = %s"  # noqa: S608
    with connection.cursor() as cursor:
        for chunk in _chunks(list(rows)):
            cursor.executemany(statement, [(*row[1:], key.get_db_prep_value(row[0], connection)) for row in chunk])


def _chunks(rows):
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


class Migration(migrations.Migration):
    dependencies = [
        ("groups", "0007_what_counts_as_unread"),
        ("messaging", "0003_media"),
    ]

    operations = [migrations.RunPython(count, migrations.RunPython.noop, elidable=True)]

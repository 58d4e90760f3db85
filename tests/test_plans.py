"""SQLite answers what everybody asks for by indexes, without having counted rows: see docs/decisions.md."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="plans of SQLite")

#: Tables that grow with what people say and whom they meet.
GROWING = {
    *("messaging_message", "messaging_upload", "messaging_reaction"),
    *("groups_room", "groups_membership", "groups_recall", "groups_mention", "groups_hidden"),
    *("accounts_user", "accounts_device"),
}
#: Rows of a table and how many share the first column of an index, then the first two: of a million messages.
FULL = {
    "messaging_message": (1_000_000, 1000),
    "groups_membership": (20_000, 20),
    "groups_room": (1000, 1),
    "accounts_user": (2000, 1),
}


@pytest.fixture
def asked(person: Any, group: Any, browser: Any, query_budget: Any) -> list[str]:
    """The statements behind a reconnect, an opened chat, and a way through a history."""
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    said = [ann.post("/group/send", {"groupId": room["id"], "content": str(n)}, status=201) for n in range(5)]
    bob.post("/private/send", {"receiverId": ann.id, "content": "hello"}, status=201)
    bob.post("/message/hide", {"messageIds": [said[-1]["id"]]})
    page = browser().signed_in(bob)
    with query_budget(500) as heard:
        for body in ({}, {"limit": 1}, {"chatIds": [room["id"], ann.id]}):
            bob.post("/chatList", body)
        bob.get("/unread")
        for cursors in ({}, {room["id"]: 2, ann.id: 0}):
            bob.post("/sync", {"cursors": cursors})
        socket = bob.connect()
        socket.call("EmitUserConnect")
        socket.call("SocketHeartBeat")
        for at in ({}, {"before": 4}, {"after": 2}, {"limit": 100}):
            bob.get("/group/messages", groupId=room["id"], **at)
        bob.get("/private/messages", senderId=ann.id)
        bob.get("/message/day", chatId=room["id"], isGroup=True, day="2026-01-01")
        bob.get("/message/quoted", messageId=said[0]["id"])
        bob.post("/group/markGroupRead", {"groupId": room["id"]})
        assert page.get(f"/chat/group/{room['id']}/").status_code == 200
    return sorted(
        {sql.partition(": ")[2] for sql in heard if sql.partition(": ")[2].lstrip().startswith(("SELECT", "WITH"))}
    )


@pytest.fixture
def empty() -> Iterator[sqlite3.Connection]:
    """Our tables and indexes, without a row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%%'", [])
        schema = [sql for (sql,) in cursor.fetchall()]
    copy = sqlite3.connect(":memory:")
    for sql in sorted(schema, key=lambda sql: not sql.upper().startswith("CREATE TABLE")):
        copy.execute(sql)
    yield copy
    copy.close()


def counted(database: sqlite3.Connection, rows: dict[str, tuple[int, int]]) -> None:
    """Let SQLite believe that ANALYZE found so many rows, and a thousand in all tables that are not named."""
    database.execute("ANALYZE")
    database.execute("DELETE FROM sqlite_stat1")
    indexes = database.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'index'").fetchall()
    for table, name in indexes:
        columns = len(database.execute(f"PRAGMA index_info({name})").fetchall())
        many, shared = rows.get(table, (1000, 2))
        statistics = " ".join(map(str, [many, shared, *[1] * columns][: columns + 1]))
        database.execute("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", (table, name, statistics))
    database.execute("ANALYZE sqlite_schema")


def scans(database: sqlite3.Connection, sql: str) -> list[str]:
    """The growing tables that a statement reads from one end to the other."""
    marks = sql.count("%s")
    plan = database.execute(f"EXPLAIN QUERY PLAN {sql.replace('%s', '?')}", [None] * marks).fetchall()
    steps = [detail for *_, detail in plan]
    names = {name for name in GROWING for step in steps if step.startswith("SCAN") and name in step.split()}
    return [step for step in steps if step.startswith("SCAN") and not names.isdisjoint(step.split())]


def test_what_everybody_asks_for_reads_no_table_from_end_to_end(asked: list[str], empty: sqlite3.Connection) -> None:
    assert len(asked) > 20
    assert not {sql: steps for sql in asked if (steps := scans(empty, sql))}
    counted(empty, FULL)  # an operator ran ANALYZE
    assert not {sql: steps for sql in asked if (steps := scans(empty, sql))}

"""What actions cost of a person's budget (`core.redis.budget`): points of about a millisecond of the server's time.

Both doors charge the same action alike. Messages cost nothing here: RATE_MESSAGES limits them where they
are stored.
"""

FREE = 0
#: Answered from memory, or by one small query.
LIGHT = 1
#: Some queries, and an answer of some size.
READ = 5
#: A change that others are told.
CHANGE = 10
#: A change that is also written into a conversation, or reads thousands of rows.
HEAVY = 20
#: The hash of a password.
HASH = 200
#: People or chats of one request that cost a point more.
MANY = 25
#: Bytes of an answer that cost a point more; and of a stored file.
BYTES_PER_POINT = 8 * 1024
FILE_BYTES_PER_POINT = 1024 * 1024
#: Points for a second of work that took longer than its price says. Ten times less than the prices: a slow machine
#: must not make its people poor.
POINTS_PER_SECOND = 100


def of_many(count: int) -> int:
    """What so many people or chats in one request cost beside it."""
    return count // MANY


def of_answer(body: bytes | str) -> int:
    """What a long answer costs beside the question; and what is no frame at all, beside its refusal."""
    return len(body) // BYTES_PER_POINT


def of_file(piece: bytes) -> float:
    """What a piece of a stored file costs."""
    return len(piece) / FILE_BYTES_PER_POINT


def of_time(seconds: float) -> int:
    """What work costs that took so long."""
    return int(seconds * POINTS_PER_SECOND)

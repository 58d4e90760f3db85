"""The dialect of the database that DATABASE_URL names."""

from functools import cache

from django.db import connection

from chatproject.core.db.dialect import Dialect
from chatproject.core.db.postgresql import PostgreSQL
from chatproject.core.db.sqlite import SQLite


@cache
def dialect() -> Dialect:
    match connection.vendor:
        case "sqlite":
            return SQLite()
        case "mongodb":
            from chatproject.core.db.mongodb.dialect import MongoDB  # its driver is only there where it is used

            return MongoDB()
    return PostgreSQL()

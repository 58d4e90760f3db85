"""The settings of servers that tests start as processes: the chat's, but for what costs time and proves nothing here."""

from chatproject.settings import *  # noqa: F403 -- that is what these are

#: The default takes a third of a second of a processor and 100 MiB each time; hundreds of people sign up.
PASSWORD_HASHERS = ["tests.hashing.QuickArgon2"]

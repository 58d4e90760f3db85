"""Requests that hash a password, and wait for it on threads of their own."""

from accounts.passwords import SIGN_IN_THREADS

__all__ = ["SIGN_INS", "SIGN_IN_THREADS"]

#: The paths to which names and passwords are posted.
SIGN_INS = frozenset(("/login", "/sign-in/", "/sign-up/"))

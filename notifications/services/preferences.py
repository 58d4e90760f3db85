"""What notifies a person in all of their chats: levels, keywords, quiet hours, and silence for a while."""

from datetime import timedelta
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict

from accounts import services as accounts
from accounts.models import User
from chatproject.core.db.transactions import on_commit, run_atomic
from chatproject.core.times import now
from notifications import events, rules, selectors
from notifications.models import Keywords
from notifications.serializers import PreferencesInput, preferences_output


def preferences(*, user: User) -> dict[str, Any]:
    return preferences_output(user, selectors.keywords(user))


def change_preferences(*, by: User, form: PreferencesInput) -> dict[str, Any]:
    """Change what is given, and tell the person's other devices. Raises Invalid."""
    changes: dict[str, Any] = {}
    if form.private_level is not UNSET:
        changes["private"] = form.private_level
    if form.group_level is not UNSET:
        changes["group"] = form.group_level
    if form.quiet_hours is not UNSET:
        changes["quiet"] = form.quiet_hours and rules.quiet_hours(**asdict(form.quiet_hours))
    if form.silent_for is not UNSET:
        changes["silent_until"] = now() + timedelta(seconds=form.silent_for) if form.silent_for else None
    words = None if form.keywords is UNSET else rules.clean_keywords(form.keywords)

    def body() -> dict[str, Any]:
        user = accounts.set_notifying(user=by, **changes) if changes else by
        if words is not None:
            _store(by, words)
        changed = preferences(user=user)
        on_commit(lambda: events.preferences_changed(user.pk, changed))
        return changed

    return run_atomic(body)


def _store(user: User, words: list[str]) -> None:
    """Replace a person's keywords. The row is made anew: what it says is bound to its id."""
    Keywords.objects.filter(user=user).delete()
    if words:
        Keywords.objects.create(user=user, words_text="\n".join(words))

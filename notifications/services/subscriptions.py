"""Push subscriptions of devices."""

import hashlib
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Device
from accounts.selectors import installation_name
from chatproject.core.db.transactions import run_atomic
from chatproject.core.errors import NotFound
from notifications import rules, selectors
from notifications.models import PushSubscription
from notifications.services import dispatching

#: Subscribed devices of a user; one more removes the oldest subscription.
DEVICES_MAX = 20


def describe(*, device: Device) -> dict[str, Any]:
    """The state of web push for a device: the server's key (None when off), and the device's own
    settings.
    """
    mine = selectors.of_device(device)
    return {
        "key": _key() if settings.WEB_PUSH else None,
        "isOn": mine is not None,
        "showContent": mine is None or mine.shows_content,
        "otherDevices": selectors.count_others(device),
    }


def _key() -> str:
    from notifications.push import public_key  # its cryptography takes megabytes, and not every process needs it

    return public_key()


def subscribe(*, device: Device, endpoint: str, p256dh: str, auth: str, shows_content: bool) -> None:
    """Subscribe a device. A subscription of another device with the same endpoint ends.

    Raises PushIsOff, Invalid, RateLimited, Busy.
    """
    rules.require_push()
    rules.require_endpoint(endpoint)
    rules.require_keys(p256dh, auth)
    rules.count_subscription(device.user_id)
    endpoint_hash = hashlib.sha256(endpoint.encode()).hexdigest()

    def body() -> None:
        PushSubscription.objects.filter(device=device).delete()
        PushSubscription.objects.filter(endpoint_hash=endpoint_hash).delete()
        others = PushSubscription.objects.filter(user_id=device.user_id).order_by("-created_at", "-id")
        too_many = list(others.values_list("pk", flat=True)[DEVICES_MAX - 1 :])
        PushSubscription.objects.filter(pk__in=too_many).delete()
        PushSubscription.objects.create(
            device=device,
            user_id=device.user_id,
            endpoint=endpoint,
            endpoint_hash=endpoint_hash,
            p256dh=p256dh,
            auth=auth,
            shows_content=shows_content,
            language=translation.get_language() or settings.LANGUAGE_CODE,
        )

    try:
        run_atomic(body)
    except IntegrityError:  # two tabs at the same moment: the later replaces the other
        run_atomic(body)


def unsubscribe(*, device: Device) -> None:
    run_atomic(partial(PushSubscription.objects.filter(device=device).delete))


def send_test(*, device: Device) -> None:
    """Push a test to the device. Raises NotFound without a subscription, PushIsOff, RateLimited."""
    rules.require_push()
    mine = selectors.of_device(device)
    if mine is None:
        raise NotFound()
    rules.count_test(device.user_id)
    with dispatching.language_of(mine):
        note = {"title": installation_name(), "body": _("This is a test. It works."), "tag": "test", "url": "/"}
    dispatching.post(mine, note)

"""REST framework's throttle: each request of a signed-in user is charged to their budget.

A view names its `cost`, one of `core.costs`, or one for each method.
"""

import time
from typing import Any, NamedTuple

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from chatproject.core import costs
from chatproject.core.redis import budget


class BudgetThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        """Raises RateLimited. Requests without a user are limited by their address, where they matter."""
        if request.user.is_authenticated:
            cost = cost_of(view, request.method or "")
            budget.spend(request.user.pk, cost)
            request.paid = Paid(cost, time.thread_time())  # type: ignore[attr-defined]
        return True


class Paid(NamedTuple):
    """What was charged for a request, and the processor time of its thread then."""

    cost: int
    since: float

    def left_to_pay(self) -> int:
        """What the request took until now beyond its price."""
        return max(0, costs.of_time(time.thread_time() - self.since) - self.cost)


def cost_of(view: Any, method: str) -> int:
    """What a request with this method costs; a view that does not say costs as much as an ordinary answer."""
    cost = getattr(view, "cost", costs.READ)
    return cost if isinstance(cost, int) else cost.get(method, costs.LIGHT)

"""Browser contexts that are used again, for the scripts and styles that they have fetched and compiled.

A new context fetches and compiles more than a hundred files, which takes two seconds of a processor: more than most tests
do in it. One that is used again has no cookie, no storage and no page of the test before.
"""

import json
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

#: What changes a context for good, or what nothing takes back: the next test would find it.
_CHANGES = (
    *("add_init_script", "clock", "expose_binding", "expose_function", "grant_permissions", "new_cdp_session"),
    *("route", "route_from_har", "route_web_socket", "set_extra_http_headers", "set_geolocation", "set_offline"),
)
#: How many wait to be used again.
_MOST = 6
_STORED = "cookies,file_systems,indexeddb,local_storage,cache_storage,service_workers,storage_buckets"

_changed: set[BrowserContext] = set()


def _notice(kind: type[Any], name: str) -> None:
    """Have a use of this member noticed. `clock` is a property, and a page's changes its whole context."""
    plain = getattr(kind, name)

    def context_of(one: Any) -> BrowserContext:
        return one.context if isinstance(one, Page) else one

    if isinstance(plain, property):
        assert plain.fget

        def read(self: Any) -> Any:
            _changed.add(context_of(self))
            return plain.fget(self)  # type: ignore[misc]

        setattr(kind, name, property(read))
    else:

        def called(self: Any, *args: Any, **options: Any) -> Any:
            _changed.add(context_of(self))
            return plain(self, *args, **options)

        setattr(kind, name, called)


for _name in _CHANGES:
    _notice(BrowserContext, _name)
_notice(Page, "clock")


class Contexts:
    """The contexts of one browser."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: list[tuple[str, BrowserContext]] = []
        self._keys: dict[BrowserContext, str] = {}

    def take(self, **options: Any) -> tuple[BrowserContext, Page]:
        """A context with these options of `Browser.new_context`, without a user; and its page."""
        key = json.dumps(options, sort_keys=True, default=str)
        for one in self._idle:
            if one[0] == key:
                self._idle.remove(one)
                return one[1], self._emptied(one[1], options["base_url"])
        context = self._browser.new_context(**options)
        self._keys[context] = key
        return context, context.new_page()

    @staticmethod
    def _emptied(context: BrowserContext, origin: str) -> Page:
        context.clear_cookies()
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": _STORED})
        devtools.detach()
        _changed.discard(context)
        return page

    def give_back(self, context: BrowserContext) -> None:
        key = self._keys[context]
        if context.is_closed() or context in _changed or '"service_workers": "block"' not in key:
            self._close(context)
            return
        for page in context.pages:
            page.close()
        self._idle.append((key, context))
        if len(self._idle) > _MOST:
            self._close(self._idle.pop(0)[1])

    def _close(self, context: BrowserContext) -> None:
        _changed.discard(context)
        del self._keys[context]
        context.close()

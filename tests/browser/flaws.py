"""Accessibility problems of a page, found in the page as it is shown."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe()
#: `preload` fetches every style sheet again, for rules that are not among those that are looked for.
OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}, "preload": False}
#: Django's own markup in the administration: its search is labelled by a picture's text, its
#: tooltips by an attribute that a span may not have.
EXCLUDED = {"exclude": [["#searchbar"], [".help-tooltip"]]}
GRAVE = ("serious", "critical")
#: Pixels. iOS zooms into a field with a smaller font.
FIELD_FONT = 16
#: Pixels, the size of a fingertip; WCAG requires at least 24.
FINGER = 40

#: Visible elements that can be pressed. Left out: links within a text, which are as high as their
#: line, and a sender's name and picture, whose action is in the message's menu as well.
_TOUCHED = """(least) => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, [role=slider]")]
  .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !one.closest(".text, .panel-text, .announcement-text, p, .visually-hidden, .leaflet-control, .who-said"))
  .map((one) => [one, (one.closest("label") ?? one).getBoundingClientRect()])
  .filter(([, box]) => box.width && Math.min(box.width, box.height) < least - 0.5)
  .map(([one, box]) => `${one.outerHTML.slice(0, 90)}: ${Math.round(box.width)}x${Math.round(box.height)}`)"""

_FIELDS = """(least) => [...document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio], [type=file]), textarea, select")]
  .filter((one) => one.checkVisibility() && !one.matches(".visually-hidden") && parseFloat(getComputedStyle(one).fontSize) < least)
  .map((one) => `${one.outerHTML.slice(0, 90)}: ${getComputedStyle(one).fontSize}`)"""

#: Elements that stick out of the window sideways without a scrolling ancestor.
_SIDEWAYS = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [
  `${document.documentElement.scrollWidth} px of ${innerWidth}`,
  ...[...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map((one) => one.outerHTML.slice(0, 90)),
]"""

#: Only what was found leaves the page: all that axe looked at would take longer to carry than to look at.
_RUN_AXE = """([context, options, grave]) => axe.run(context, options).then(({ violations }) => violations
  .filter(({ impact }) => grave.includes(impact))
  .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
    `${id}: ${html.slice(0, 160)} ${(failureSummary ?? "").slice(0, 300)}`)))"""

_MOVING = """() => [
  ...document.getAnimations().map(({ effect }) => `animated: ${effect?.target?.outerHTML.slice(0, 90)}`),
  ...[...document.querySelectorAll("*")].flatMap((one) => ["", "::before", "::after"].map((part) => [one, getComputedStyle(one, part)]))
    .filter(([, style]) => /[1-9]/.test(style.transitionDuration) || style.scrollBehavior !== "auto")
    .map(([one, style]) => `${one.outerHTML.slice(0, 90)}: ${style.transitionDuration} ${style.scrollBehavior}`),
]"""


#: Until what appears is there: while it does, its colours and its place are not its own.
_STILL = """() => Promise.allSettled(document.getAnimations()
  .filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime))
  .map(({ finished }) => finished)).then(() => null)"""


def found_by_axe(page: Page) -> list[str]:
    """Violations that axe calls serious or critical."""
    page.evaluate(_STILL)
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.axe_script)
    return list(page.evaluate(_RUN_AXE, [EXCLUDED, OPTIONS, list(GRAVE)]))


def too_small_to_touch(page: Page) -> list[str]:
    page.evaluate(_STILL)
    return list(page.evaluate(_TOUCHED, FINGER))


def zoomed_into(page: Page) -> list[str]:
    """Fields that a phone zooms into."""
    return list(page.evaluate(_FIELDS, FIELD_FONT))


def sideways(page: Page) -> list[str]:
    page.evaluate(_STILL)
    return list(page.evaluate(_SIDEWAYS))


def moving(page: Page) -> list[str]:
    """What moves although the user prefers reduced motion."""
    return list(page.evaluate(_MOVING))

"""Draws the icons of the installed app from static/img/logo.svg into static/img/icons/, with the tests' browser."""

import re
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent.parent / "static" / "img"
LOGO = (FOLDER / "logo.svg").read_text()
#: Maskable icons: the system cuts its own shape, so the background reaches the edges.
WHOLE = LOGO.replace('rx="18"', 'rx="0"')
#: Monochrome icons: the system colours the shape. White, with the dots as holes.
_BUBBLE = re.search(r'<path d="([^"]+)"', LOGO)[1]  # type: ignore[index]
_DOTS = "".join(re.findall(r"<circle[^>]+>", LOGO)).replace("#0a7367", "#000")
SHAPE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="6 12 52 46">'
    f'<mask id="m"><path d="{_BUBBLE}" fill="#fff"/>{_DOTS}</mask>'
    '<rect width="64" height="64" fill="#fff" mask="url(#m)"/></svg>'
)
ICONS = {
    "icon-192": (LOGO, 192),
    "icon-512": (LOGO, 512),
    "maskable-192": (WHOLE, 192),
    "maskable-512": (WHOLE, 512),
    "apple-touch-icon": (WHOLE, 180),
    "badge-96": (SHAPE, 96),
}


def draw(page: Page, svg: str, size: int, path: Path) -> None:
    page.set_viewport_size({"width": size, "height": size})
    page.set_content(f"<style>body{{margin:0}}svg{{display:block;width:{size}px;height:{size}px}}</style>{svg}")
    page.screenshot(path=path, omit_background=True)


def main() -> None:
    (FOLDER / "icons").mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        for name, (svg, size) in ICONS.items():
            draw(page, svg, size, FOLDER / "icons" / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()

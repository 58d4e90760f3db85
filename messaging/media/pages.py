"""The first page of a PDF as a picture. Runs only in the sandbox, because it reads untrusted files."""

from typing import Any, BinaryIO

import pypdfium2 as pdfium
from PIL import Image

from chatproject.core.sandbox.worker import Refused

__all__ = ["convert"]

#: Points of a page's side; a page that says less or more is no page that somebody reads.
SIDE_MIN, SIDE_MAX = 8, 15_000

Image.preinit()


def convert(source: BinaryIO, thumbnail: BinaryIO, *, side: int, work: int | None = None) -> dict[str, Any]:
    """Draw it, with its longer side of `side` pixels; returns its type and size.

    `work` is not asked about: what takes long is given up.

    Refuses: `not_a_page`, also where a password is missing.
    """
    try:
        with pdfium.PdfDocument(source, autoclose=False) as document:
            page = document[0]
            width, height = page.get_size()
            if not (min(width, height) >= SIDE_MIN and max(width, height) <= SIDE_MAX):
                raise Refused("not_a_page")
            # Forms may run scripts, and are not drawn.
            drawn = page.render(scale=side / max(width, height), may_draw_forms=False).to_pil().convert("RGB")
    except (pdfium.PdfiumError, IndexError, ValueError):
        raise Refused("not_a_page") from None
    drawn.thumbnail((side, side))  # PDFium rounds up
    drawn.save(thumbnail, "JPEG", quality=80)
    return {"mime_type": "image/jpeg", "width": drawn.width, "height": drawn.height}

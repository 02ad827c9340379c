"""A moving picture of a page, with a line of a terminal below it."""

from __future__ import annotations

import io
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Page

_LINE_PX = 44
_TEXT_PX = 15
_GROUND, _INK, _PROMPT = "#1c1b22", "#f2f0ea", "#8ea2ff"
_SHORTEST_S = 0.02


class Film:
    """Its frames are taken while time passes, and shown for as long as it did."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[Image.Image] = []
        self._begun_at: list[float] = []
        self._font = ImageFont.truetype("DejaVuSansMono.ttf", _TEXT_PX)

    def show(self, text: str, seconds: float = 0) -> None:
        """Take what the page shows, with `text` in the terminal, for so long."""
        end = time.monotonic() + seconds
        while True:
            self._begun_at.append(time.monotonic())
            self._frames.append(self._draw(self._page.screenshot(), text))
            if time.monotonic() >= end:
                return

    def save(self, path: Path) -> None:
        ends = [*self._begun_at[1:], time.monotonic()]
        shown_s = [
            max(end - begin, _SHORTEST_S)
            for begin, end in zip(self._begun_at, ends, strict=True)
        ]
        first, *others = self._frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=[round(each * 1_000) for each in shown_s],
            loop=0,
            quality=70,
            method=4,
        )

    def _draw(self, screenshot: bytes, text: str) -> Image.Image:
        page = Image.open(io.BytesIO(screenshot)).convert("RGB")
        frame = Image.new("RGB", (page.width, page.height + _LINE_PX), _GROUND)
        frame.paste(page, (0, 0))
        pen = ImageDraw.Draw(frame)
        at = (16, page.height + (_LINE_PX - _TEXT_PX) // 2 - 1)
        pen.text(at, "psql> ", fill=_PROMPT, font=self._font)
        indent = int(pen.textlength("psql> ", font=self._font))
        room = (page.width - 2 * at[0] - indent) // int(pen.textlength("m", self._font))
        # As in a terminal of one line: the end of what is typed stays in sight.
        pen.text((at[0] + indent, at[1]), text[-room:], fill=_INK, font=self._font)
        return frame

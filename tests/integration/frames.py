"""What a server says over a WebSocket, message by message (RFC 6455, section 5)."""

from __future__ import annotations

from collections.abc import Callable

# Takes one message, returns what is to arrive in its place.
Edit = Callable[[str], list[str]]

_TEXT = 0x81  # a whole text message; anything else passes as it is


class Messages:
    """Edits one connection's messages, however its bytes are cut up on the way."""

    def __init__(self, edit: Edit) -> None:
        self._edit = edit
        self._pending = b""
        self._is_open = False

    def take(self, data: bytes) -> bytes:
        """Take the next bytes of the server; return those that go on to the browser."""
        self._pending += data
        passed = b"" if self._is_open else self._take_answer()
        while self._is_open and (size := self._size()) is not None:
            start, end = size
            frame, self._pending = self._pending[:end], self._pending[end:]
            passed += self._edited(frame, start)
        return passed

    def _take_answer(self) -> bytes:
        """The answer to the upgrade comes first, in plain HTTP."""
        answer, blank, rest = self._pending.partition(b"\r\n\r\n")
        if not blank:
            return b""
        self._is_open = True
        self._pending = rest
        return answer + blank

    def _size(self) -> tuple[int, int] | None:
        """Where the first frame's payload starts and ends; None until all is there."""
        if len(self._pending) < 2:
            return None
        length, start = self._pending[1], 2  # servers do not mask
        if extra := {126: 2, 127: 8}.get(length):
            start += extra
            if len(self._pending) < start:
                return None
            length = int.from_bytes(self._pending[2:start])
        end = start + length
        return (start, end) if len(self._pending) >= end else None

    def _edited(self, frame: bytes, start: int) -> bytes:
        if frame[0] != _TEXT:
            return frame
        return b"".join(map(_frame, self._edit(frame[start:].decode())))


def _frame(text: str) -> bytes:
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes([_TEXT, size]) + payload
    if size < 1 << 16:
        return bytes([_TEXT, 126]) + size.to_bytes(2) + payload
    return bytes([_TEXT, 127]) + size.to_bytes(8) + payload

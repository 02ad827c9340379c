"""What a part of the stack takes: memory and CPU of its process and all below it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from ..integration.running import Stack, descendants

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def memory_kib(stack: Stack, part: str) -> float:
    """Memory, what is shared counted by shares (PSS)."""
    return sum(_pss_kib(pid) for pid in _pids(stack, part))


def peak_kib(stack: Stack, part: str) -> float:
    """The most that the part's own process has had since its start."""
    status = Path(f"/proc/{stack.pid(part)}/status").read_text()
    return float(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.M)[0])


def cpu_shares(
    stack: Stack, parts: tuple[str, ...], seconds: float
) -> dict[str, float]:
    """How much of one core each part takes, in percent, over so many seconds."""
    before, start = cpu_seconds(stack, parts), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - start
    return {
        each: 100 * max(0.0, used - before[each]) / passed
        for each, used in cpu_seconds(stack, parts).items()
    }


def cpu_seconds(stack: Stack, parts: tuple[str, ...]) -> dict[str, float]:
    """CPU time that the parts' processes have taken since they began."""
    return {each: _cpu_s(stack, each) for each in parts}


def ended_cpu_s(stack: Stack, part: str) -> float:
    """CPU time that the part's children took which have ended, in seconds."""
    fields = (
        Path(f"/proc/{stack.pid(part)}/stat").read_text().rpartition(")")[2].split()
    )
    return (int(fields[13]) + int(fields[14])) / _TICKS_A_SECOND


def _pids(stack: Stack, part: str) -> list[int]:
    pid = stack.pid(part)
    return [] if pid is None else [pid, *descendants(pid)]


def _pss_kib(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it has ended
        return 0.0
    return float(re.findall(r"^Pss:\s+(\d+) kB$", text, re.M)[0])


def _cpu_s(stack: Stack, part: str) -> float:
    ticks = 0
    for pid in _pids(stack, part):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_A_SECOND

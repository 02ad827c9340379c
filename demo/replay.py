"""Replays public data sets as records, at a rate one can watch.

Seattle's weather day by day goes into the feed `weather`, monthly share prices
into `prices`; both come from the package vega_datasets, whose data files are read
without importing it (it would want pandas).
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
# A number of JSON's grammar (RFC 8259, section 6).
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Source:
    feed: str
    title: str
    file: str


SOURCES = (
    Source("weather", "Seattle weather", "seattle-weather.csv"),
    Source("prices", "Share prices", "stocks.csv"),
)


@dataclass(frozen=True)
class Service:
    """Where records are written, and with which key."""

    url: str
    key: str

    def send(self, method: str, path: str, body: str, **headers: str) -> int:
        """Send one request with a JSON body; return its status.

        Raises OSError when the service cannot be reached, and SystemExit with
        the problem's detail when it refuses (but for 409: already there).
        """
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}",
            data=body.encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            if error.code == 409 or error.code >= 500:
                return error.code
            sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=2.0, help="records per second")
    parser.add_argument("--count", type=int, default=0, help="stop after so many")
    options = parser.parse_args()
    if options.rate <= 0:
        parser.error(f"--rate is {options.rate:g}, expected more than 0")
    service = find_service()
    for source in SOURCES:
        feed = {"slug": source.feed, "title": source.title}
        service.send("POST", "feeds/", json.dumps(feed))
    print(f"writing to {service.url}/ — Ctrl-C ends it", flush=True)
    try:
        replay(service, options.rate, options.count)
    except KeyboardInterrupt:
        print()


def replay(service: Service, rate: float, count: int) -> None:
    """Write one record after the other, from each source in turn."""
    rows = [(source, read_rows(source)) for source in SOURCES]
    for written, (source, each) in enumerate(cycle(rows), start=1):
        write(service, source.feed, next(each))
        print(f"\r{written} records", end="", flush=True)
        if written == count:
            print()
            return
        time.sleep(1 / rate)


def write(service: Service, feed: str, data: str) -> None:
    """Write one record; try again, with the same key, until it is there."""
    key = str(uuid.uuid4())
    path = f"feeds/{feed}/records/"
    while True:
        try:
            headers = {"Idempotency-Key": key}
            if service.send("POST", path, f'{{"data": {data}}}', **headers) < 500:
                return
        except OSError as error:
            print(f"\n{error}; trying again", flush=True)
        time.sleep(1)


def read_rows(source: Source) -> Iterator[str]:
    """Yield the rows of a data set for ever, as JSON."""
    spec = importlib.util.find_spec("vega_datasets")
    if spec is None or spec.origin is None:
        sys.exit("vega_datasets is not installed; `make demo` installs it")
    file = Path(spec.origin).parent / "_data" / source.file
    while True:
        with file.open(newline="") as lines:
            for row in csv.DictReader(lines):
                yield write_row(row)


def write_row(row: dict[str, str]) -> str:
    """Write a row as a JSON object, its numbers digit by digit as they stand there."""
    members = (
        f"{json.dumps(name)}: {text if NUMBER.fullmatch(text) else json.dumps(text)}"
        for name, text in row.items()
    )
    return "{" + ", ".join(members) + "}"


def find_service() -> Service:
    """Find the stack: AVISO_URL and AVISO_API_KEY, or the one that runs here."""
    environ = os.environ
    if "AVISO_URL" in environ and "AVISO_API_KEY" in environ:
        return Service(environ["AVISO_URL"].rstrip("/"), environ["AVISO_API_KEY"])
    run_dir = Path(environ.get("AVISO_RUN_DIR") or REPOSITORY / ".run")
    for file in (run_dir / "stack.json", REPOSITORY / ".run/compose.json"):
        if file.exists():
            facts = json.loads(file.read_text())
            return Service(facts["url"], facts["api_key"])
    sys.exit("no stack runs here: start one with `make run` or `make up`")


if __name__ == "__main__":
    main()

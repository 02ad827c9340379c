"""The figures as a table, each beside the bare part it stands on."""

from __future__ import annotations

# Aviso's figure, and the bare part's that it is held against.
_RATIOS = (
    ("aviso latency p50 (ms)", "ejabberd alone latency p50 (ms)"),
    ("aviso latency p99 (ms)", "ejabberd alone latency p99 (ms)"),
    ("aviso single POSTs (records/s)", "PostgreSQL alone, single (rows/s)"),
    ("aviso single POSTs (records/s)", "ejabberd alone, one a message (events/s)"),
    ("aviso lists of 100 (records/s)", "PostgreSQL alone, 100 a transaction (rows/s)"),
    ("aviso lists of 100 (records/s)", "RabbitMQ alone, confirmed (messages/s)"),
    ("aviso lists of 100 (records/s)", "ejabberd alone, 100 a message (events/s)"),
)


def as_table(figures: dict[str, float]) -> str:
    lines = ["", "figure" + " " * 44 + "value"]
    lines += [f"{name:<46} {value:>9,.1f}" for name, value in figures.items()]
    lines += ["", "Aviso beside the bare part" + " " * 66 + "ratio"]
    lines += [
        f"{ours:<34} : {bare:<48} {figures[ours] / figures[bare]:>9.2f}"
        for ours, bare in _RATIOS
    ]
    return "\n".join(lines)

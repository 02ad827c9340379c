"""How gunicorn serves the API: `gunicorn -c gunicorn.conf.py records_api.wsgi`.

Threads, because a request waits for PostgreSQL most of its time; each thread uses one
connection of its worker's pool (records_api/database.py) while it answers. What may not
hold them all is bounded in aviso/limits/places.py.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from aviso.environment import Environment

_environment = Environment(os.environ)
_host, _port = _environment.address("AVISO_BIND", "127.0.0.1:8000")

bind = f"{_host}:{_port}"
workers = _environment.integer("AVISO_WORKERS", 2, low=1, high=64)
worker_class = "gthread"
threads = 12

# Longer than the few seconds for which the gateway keeps an idle connection: else a
# request could meet one that is just being closed, and a POST is not sent twice.
keepalive = 125
graceful_timeout = 30
timeout = 60

# The request line holds a list's filters; headers are a key and little more.
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = "127.0.0.1,::1"

# It would open a socket under the home directory.
control_socket_disable = True
# The heartbeat's file must not be on a disk that can stall.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# Requests are logged by the service itself, with what gunicorn does not know.
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "records_api.json_lines.JsonLines"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "json",
        }
    },
    "root": {"handlers": ["stdout"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True},
        "gunicorn.access": {"handlers": [], "propagate": False},
    },
}

# Where the workers keep their numbers for /metrics. prometheus_client looks for it when
# it is imported, so nothing here may import that at the top.
# A reload (SIGHUP) runs this file again and finds the variable set.
_made = "aviso-metrics-"


def _make_metrics_folder() -> str:
    """Make it empty, in AVISO_METRICS_DIR if given: what SIGKILL left there goes."""
    given = os.environ.get("AVISO_METRICS_DIR")
    if not given:
        return tempfile.mkdtemp(prefix=_made)
    Path(given).mkdir(parents=True, exist_ok=True)
    for left in Path(given).glob("*.db"):
        left.unlink()
    return given


if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _make_metrics_folder()
_metrics_folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 (gunicorn's signature)
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:  # noqa: ARG001 (gunicorn's signature)
    if _metrics_folder.name.startswith(_made):
        shutil.rmtree(_metrics_folder, ignore_errors=True)

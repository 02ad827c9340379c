#!/bin/sh
# Installs the Debian packages that are missing, quietly: those the stack runs on, and with `test` those the tests
# need, with `compare` those of the peer too.
# Does nothing, and needs no root, when all are there.
set -eu

missing=""
need() { # need PACKAGE FILE-OR-PROGRAM...: any one of them is enough
  package=$1
  shift
  for what in "$@"; do
    case $what in
    /*) for file in $what; do [ -e "$file" ] && return 0; done ;;
    *) command -v "$what" >/dev/null && return 0 ;;
    esac
  done
  missing="$missing $package"
}

need python3 python3
need python3-venv '/usr/lib/python3*/ensurepip' '/usr/lib/python3.*/ensurepip/__init__.py'
need ca-certificates /etc/ssl/certs/ca-certificates.crt
need postgresql '/usr/lib/postgresql/*/bin/postgres'
need postgresql-client '/usr/lib/postgresql/*/bin/psql'
need rabbitmq-server /usr/lib/rabbitmq/bin/rabbitmq-server
need ejabberd '/usr/lib/*-linux-gnu/ejabberd-*'
need erlang-p1-pgsql '/usr/lib/*-linux-gnu/p1_pgsql-*' '/usr/lib/*-linux-gnu/erlang/lib/p1_pgsql-*' '/usr/lib/erlang/lib/p1_pgsql-*'
need caddy caddy
need haproxy haproxy /usr/sbin/haproxy
need curl curl
if [ "${1:-}" = test ] || [ "${1:-}" = compare ]; then
  need chromium-headless-shell chromium-headless-shell
  # Pages that the way back finds again: only a browser with windows keeps any.
  need chromium chromium
  need fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
  # The Node.js that Playwright brings links to it.
  need libatomic1 '/usr/lib/*-linux-gnu/libatomic.so.1'
  # Tests of HTTPS make a certificate.
  need openssl openssl
  # One test sets a clock back.
  need libfaketime '/usr/lib/*/faketime/libfaketimeMT.so.1'
  # The pusher's own tests keep ejabberd's archive in SQLite.
  need erlang-p1-sqlite3 '/usr/lib/*-linux-gnu/p1_sqlite3-*' '/usr/lib/*-linux-gnu/erlang/lib/p1_sqlite3-*' '/usr/lib/erlang/lib/p1_sqlite3-*'
fi
if [ "${1:-}" = compare ]; then
  need redis-server redis-server
fi
[ -n "$missing" ] || exit 0

echo "installing:$missing"
sudo=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "these packages are missing, and installing them needs root:$missing" >&2
    exit 1
  }
  sudo=sudo
fi

# The packages would start servers of their own; ours are private ones.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
  $sudo chmod 755 $policy
  trap '$sudo rm -f $policy' EXIT
fi
log=$(mktemp)
install() {
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
}
install >"$log" 2>&1 || {
  tail -n 40 "$log" >&2
  echo "apt-get could not install:$missing" >&2
  exit 1
}
rm -f "$log"

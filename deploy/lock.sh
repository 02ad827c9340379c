#!/bin/sh
# Chooses versions for every requirements.in and writes them, with hashes and without an index's address, beside it.
# One file is made in view of the ones before it, since all of them are installed into one environment.
#
#   deploy/lock.sh BIN     BIN: the virtual environment's programs
set -eu
bin=$1
[ -x "$bin/uv" ] || "$bin/pip" install --quiet uv

choose() { # choose OUT OPTION-OR-IN...
  out=$1
  shift
  "$bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file "$out" "$@"
}
known=""
lock() { # lock OUT IN...
  # shellcheck disable=SC2086
  choose "$@" $known
  known="$known --constraint $1"
}
# Our own package is installed from its folder, without an index; what it needs is locked with each that uses it.
lock services/records-api/requirements.txt services/records-api/requirements.in services/amqp-client/pyproject.toml
lock services/xmpp-pusher/requirements.txt services/xmpp-pusher/requirements.in services/amqp-client/pyproject.toml
lock services/amqp-client/build.txt services/amqp-client/build.in
lock services/web-client/node.txt services/web-client/node.in
lock tests/requirements.txt tests/requirements.in
lock tests/compare/requirements.txt tests/compare/requirements.in
lock tests/bench/requirements.txt tests/bench/requirements.in
lock tests/pictures/requirements.txt tests/pictures/requirements.in
# Somebody else's application, in an environment of its own.
choose tests/integration/oscar_shop/requirements.txt tests/integration/oscar_shop/requirements.in
# Only its data files are used: without what it would need to be imported.
choose demo/requirements.txt demo/requirements.in --no-deps

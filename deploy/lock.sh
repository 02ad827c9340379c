#!/bin/sh
# Chooses versions for every requirements.in and writes them, with hashes and without an index's address, beside it.
# One file is made in view of the ones before it, since all of them are installed into one environment.
#
#   deploy/lock.sh BIN     BIN: the virtual environment's programs
set -eu
bin=$1
[ -x "$bin/uv" ] || "$bin/pip" install --quiet uv

known=""
lock() { # lock IN OUT
  # shellcheck disable=SC2086
  "$bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $known --output-file "$2" "$1"
  known="$known --constraint $2"
}
lock services/records-api/requirements.in services/records-api/requirements.txt
lock services/xmpp-pusher/requirements.in services/xmpp-pusher/requirements.txt
lock services/web-client/node.in services/web-client/node.txt
lock tests/requirements.in tests/requirements.txt
lock tests/compare/requirements.in tests/compare/requirements.txt
# Only its data files are used: without what it would need to be imported.
"$bin/uv" pip compile --quiet --no-deps --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
  --output-file demo/requirements.txt demo/requirements.in

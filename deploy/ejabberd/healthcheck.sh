#!/bin/sh
# Healthy: the server answers, and the pusher can log in.
set -eu
[ -e /opt/ejabberd/pusher-is-registered ]
# It would warn at every question for a host that is not its own.
curl --noproxy '*' -sf -o /dev/null -m 4 -d '{}' \
  -H "Host: $EJABBERD_MACRO_DOMAIN" -H 'Content-Type: application/json' \
  "http://127.0.0.1:$EJABBERD_MACRO_API_PORT/api/status"

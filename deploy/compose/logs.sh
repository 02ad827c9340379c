#!/bin/sh
# Follows what the containers say: logs.sh [SERVICE…]
set -eu
. "$(dirname "$0")/lib.sh"
compose logs --follow --tail 100 "$@"

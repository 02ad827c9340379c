#!/bin/sh
# Stops and removes the containers; the data stays. `down.sh --volumes` removes the data too.
set -eu
. "$(dirname "$0")/lib.sh"
[ -e "$env_file" ] || { echo "nothing to stop: there is no $env_file" >&2; exit 0; }
compose down "$@"
rm -f "$run_dir/compose.json"

#!/bin/sh
# Are any of the locked packages known to be vulnerable? Exits with 1 if one is, naming it.
#
# An audit that sees nothing looks like a clean one: so it first asks about a package that is known to be bad.
# Where that goes unreported (no way to the advisories), it says NOT AUDITED: with AVISO_AUDIT=required an error,
# else only said, so that one can work without a network.
#
#   deploy/audit.sh BIN     BIN: the virtual environment's programs
#   AVISO_OSV_URL           asks an OSV service instead of PyPI
set -eu
bin=$1
bad=0
unseen=""

pip_audit() {
  # shellcheck disable=SC2086
  "$bin/pip-audit" --progress-spinner off --disable-pip --no-deps ${AVISO_OSV_URL:+--vulnerability-service osv --osv-url "$AVISO_OSV_URL"} "$@"
}

canary=$(mktemp)
report=$(mktemp)
trap 'rm -f "$canary" "$report"' EXIT
echo "django==2.2.0" >"$canary"
if pip_audit -r "$canary" >"$report" 2>&1 || ! grep -q "^django" "$report" || grep -q "could not be audited" "$report"; then
  unseen="Python packages"
else
  for lock in services/records-api/requirements.txt services/xmpp-pusher/requirements.txt \
    services/amqp-client/build.txt services/web-client/node.txt tests/requirements.txt tests/compare/requirements.txt \
    tests/bench/requirements.txt tests/pictures/requirements.txt tests/integration/oscar_shop/requirements.txt demo/requirements.txt; do
    pip_audit --strict -r "$lock" >"$report" 2>&1 || { bad=1 && echo "$lock:" && cat "$report"; }
  done
fi

# What the page is made of. Its tools run on the developer's machine, on our own sources.
if PATH="$bin:$PATH" npm --prefix services/web-client audit --omit dev >"$report" 2>&1; then
  :
elif grep -q "audit endpoint returned an error\|ENOTFOUND\|ECONN\|EAI_AGAIN" "$report"; then
  unseen="${unseen:+$unseen, }npm packages"
else
  bad=1
  cat "$report"
fi

if [ -n "$unseen" ]; then
  echo "NOT AUDITED: $unseen (the advisories can't be reached from here)" >&2
  [ "${AVISO_AUDIT:-}" != required ] || bad=1
fi
exit $bad

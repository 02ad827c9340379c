#!/bin/sh
# Builds and starts the stack, waits until it is healthy, and says how to use it. Needs Docker and nothing else.
#
# 1. Secrets that are missing are made, into .env (only its owner may read it); what is there stays.
# 2. A database that was given is asked whether it lets us in, before anything is started or replaced.
# 3. docker compose up --build --wait. 4. The feed `demo`. 5. A key that may write, kept in .env too.
# 6. For scripts, as long as the stack is up: the page's address and the key in .run/compose.json.
set -eu
. "$(dirname "$0")/lib.sh"

secrets="AVISO_SECRET_KEY AVISO_POSTGRES_PASSWORD AVISO_DATABASE_PASSWORD AVISO_EJABBERD_DATABASE_PASSWORD
  AVISO_AMQP_PASSWORD AVISO_AMQP_PUSHER_PASSWORD AVISO_XMPP_PASSWORD AVISO_TICKET_SECRET"
# An older stack did not have them, and each start sets them: new ones open its data all the same.
added=" AVISO_AMQP_PUSHER_PASSWORD AVISO_TICKET_SECRET "

fail() {
  echo "error: $*" >&2
  exit 1
}

# Replaces or adds a line of the file with the settings, in one step.
keep() { # keep NAME VALUE
  { grep -v "^$1=" "$env_file" || :; printf '%s=%s\n' "$1" "$2"; } >"$env_file.new"
  mv "$env_file.new" "$env_file"
}

make_secrets() {
  umask 077
  [ -e "$env_file" ] || printf '# Made by `make up`. .env.example says what can stand here.\n' >"$env_file"
  chmod 600 "$env_file"
  missing=""
  for name in $secrets; do
    [ -n "$(setting "$name")" ] || missing="$missing $name"
  done
  [ -n "$missing" ] || return 0
  # New secrets would not open old data.
  lost=""
  for name in $missing; do
    case $added in *" $name "*) ;; *) lost="$lost $name" ;; esac
  done
  project=$(setting COMPOSE_PROJECT_NAME)
  volumes=$(docker volume ls -q --filter "label=com.docker.compose.project=${project:-aviso}")
  [ -z "$volumes" ] || [ -z "$lost" ] || fail "the stack has data, but $env_file lacks$missing.
Put the file back, or give the data up: docker volume rm $(echo $volumes)"
  for name in $missing; do
    keep "$name" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
  done
}

manage() {
  compose exec -T records-api python3 manage.py "$@"
}

command -v docker >/dev/null || fail "docker is not installed; \`make run\` starts the stack without it"
docker compose version >/dev/null 2>&1 || fail "docker has no \`compose\` (version 2.24 or newer is needed)"
docker info >/dev/null 2>&1 || fail "the Docker engine does not answer: is it running, and may you use it?"

# What a container needs, and from where it will: PostgreSQL's own words, if it can't have it.
check_database() {
  compose build --quiet records-api >&2
  words=$(compose --progress quiet run --rm --no-deps -T migrate python3 -c "import os, sys, psycopg
try: psycopg.connect(os.environ['AVISO_DATABASE_URL'], connect_timeout=10)
except psycopg.Error as error: sys.exit(str(error))" 2>&1) || fail "AVISO_DATABASE_URL leads to no database, seen from a container, where the machine around it is host.docker.internal;
expected postgresql://user:password@host:port/name, in which a password's @ is written %40 and its / %2F
$words"
}

# The end of the log of each part that ended, or is not well.
show_logs() {
  compose ps --all --format '{{.Service}} {{.State}} {{.ExitCode}} {{.Health}}' |
    awk '$2 == "exited" && $3 != 0 || $2 == "restarting" || $4 == "unhealthy" {print $1}' | while read -r service; do
    echo "--- the end of the log of $service"
    compose logs --no-color --no-log-prefix --tail=15 "$service" </dev/null
  done
}

make_secrets
[ -z "$(setting AVISO_DATABASE_URL)" ] || check_database
compose up --build --wait --wait-timeout 300 || {
  compose ps --all >&2
  show_logs >&2
  fail "the stack did not become healthy; \`make logs\` shows why"
}

manage create_feed demo --title=Demo --exists-ok >/dev/null
# A key of an earlier stack, whose data is gone, or one that lacks a right, gets a successor.
kept=$(setting AVISO_API_KEY)
key=$(printf '%s' "$kept" | manage create_key local --all-feeds --read --write --manage --grant --kept)
[ "$key" = "$kept" ] || keep AVISO_API_KEY "$key"
url=$(compose exec -T records-api printenv AVISO_PUBLIC_URL)
(umask 022 && mkdir -p "$run_dir") # the native stack's servers, which are other users, may live there too
printf '{"url": "%s", "api_key": "%s"}\n' "$url" "$key" >"$run_dir/compose.json"

cat <<TEXT

Aviso is running.

  The page   $url/
  The API    $url/api/docs/
  A key      $key

Write a record, and watch it appear on the page:

  curl -s $url/api/v1/feeds/demo/records/ \\
    -H 'Authorization: Bearer $key' \\
    -H 'Content-Type: application/json' \\
    -d '{"data": {"greeting": "hello", "from": "curl"}}'

Or real data, at a rate one can watch: make demo
\`make logs\` follows what the parts say; \`make down\` stops everything, and the data stays in Docker's volumes.
TEXT

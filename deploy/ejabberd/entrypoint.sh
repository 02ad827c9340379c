#!/bin/sh
# Starts ejabberd with Aviso's configuration, and keeps the pusher's account as the environment says.
#
# Everything that ejabberd has to remember is in PostgreSQL, so its home is made anew at each start (a tmpfs in
# compose). deploy/ejabberd/README.md lists the variables.
set -eu

home=/opt/ejabberd
required="DOMAIN GUEST_DOMAIN TICKET_DOMAIN ROOMS_DOMAIN PUSHER_JID LOGLEVEL LISTEN_IP C2S_PORT HTTP_PORT API_PORT
  SQL_SERVER SQL_PORT SQL_DATABASE SQL_USERNAME SQL_PASSWORD TRUSTED_PROXIES
  NEGOTIATION_TIMEOUT IDLE_TIMEOUT ADDRESS_CONNECTIONS ADDRESS_WAITING ADDRESS_FAILURES SESSION_ROOMS
  REGISTRATION REGISTRATIONS_PER_HOUR"

# ejabberd would take the name of a macro that nobody defined for its value: a password of `SQL_PASSWORD`, say.
for name in $required; do
  eval "value=\${EJABBERD_MACRO_$name:-}"
  [ -n "$value" ] || { echo "EJABBERD_MACRO_$name is missing" >&2; exit 1; }
done
[ -n "${AVISO_XMPP_PASSWORD:-}" ] || { echo "AVISO_XMPP_PASSWORD is missing" >&2; exit 1; }
[ "${#AVISO_TICKET_SECRET}" -ge 32 ] || { echo "AVISO_TICKET_SECRET is missing, or shorter than 32 characters" >&2; exit 1; }

domain=$EJABBERD_MACRO_DOMAIN
user=${EJABBERD_MACRO_PUSHER_JID%%@*}
api=http://127.0.0.1:$EJABBERD_MACRO_API_PORT/api
registered=$home/pusher-is-registered
export EJABBERD_MACRO_TICKET_KEY="$home/ticket.jwk"

write_configuration() {
  mkdir -p "$home/conf" "$home/database" "$home/logs"
  # The macros come from the environment, so none are included; and in three places a host is a key, which no macro can be.
  sed -e '/^include_config_file:/d' \
    -e "s/^  DOMAIN:\$/  $domain:/" -e "s/^  GUEST_DOMAIN:\$/  $EJABBERD_MACRO_GUEST_DOMAIN:/" \
    -e "s/^  TICKET_DOMAIN:\$/  $EJABBERD_MACRO_TICKET_DOMAIN:/" \
    /opt/aviso/ejabberd.yml >"$home/conf/ejabberd.yml"
  printf '%s\n' '{lookup,["file","native"]}.' '{host,{127,0,0,1},["localhost"]}.' >"$home/conf/inetrc"
}

# The secret of tickets as a JSON Web Key (RFC 7518, 6.4), for this user alone.
write_ticket_key() {
  encoded=$(printf '%s' "$AVISO_TICKET_SECRET" | base64 | tr -d '=\n' | tr '+/' '-_')
  (umask 077 && printf '{"kty":"oct","k":"%s"}' "$encoded" >"$EJABBERD_MACRO_TICKET_KEY")
}

# Prints the status of the answer. The body comes on stdin: arguments can be read by every process.
call() {
  curl --noproxy '*' -s -o /dev/null -w '%{http_code}' -m 10 -d @- \
    -H "Host: $domain" -H 'Content-Type: application/json' "$api/$1"
}

quote() {
  printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

# 1. Wait for the server. 2. Make the account, which may be there (409). 3. Set its password, which may have changed.
# 4. Leave the mark that healthcheck.sh looks for. Whatever fails is tried again: without the account nothing works.
keep_pusher_account() {
  until [ "$(echo '{}' | call status)" = 200 ]; do sleep 0.5; done
  account="\"user\":$(quote "$user"),\"host\":$(quote "$domain")"
  secret=$(quote "$AVISO_XMPP_PASSWORD")
  until
    made=$(printf '{%s,"password":%s}' "$account" "$secret" | call register)
    set=$(printf '{%s,"newpass":%s}' "$account" "$secret" | call change_password)
    [ "$set" = 200 ]
  do
    echo "$user@$domain: register answered $made, change_password $set; trying again" >&2
    sleep 5
  done
  touch "$registered"
}

# `ejabberdctl` stays the server's parent and passes no signal on: the server's own pid is asked to stop.
stop() {
  kill -TERM "$(cat "$EJABBERD_PID_PATH")" 2>/dev/null || kill -TERM "$server"
}

rm -f "$registered"
# A socket for each browser. No more than this: Erlang keeps a table as long as the limit, which may be a billion.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"
write_configuration
write_ticket_key
export EJABBERD_PID_PATH="$home/ejabberd.pid"
# No busy waiting, room for 65,536 connections, our module; distribution (for ejabberdctl) on loopback only.
export ERL_AFLAGS="+sbwt none +sbwtdcpu none +sbwtdio none +Q 65536 -pa /opt/aviso
  -kernel inet_dist_use_interface {127,0,0,1}"
# A session's processes are idle for most of their time: each collection leaves them no larger than what they hold.
export ERL_FULLSWEEP_AFTER=0
export ERL_EPMD_ADDRESS=127.0.0.1 ERL_CRASH_DUMP_BYTES=0

ejabberdctl "$@" &
server=$!
trap stop TERM INT
keep_pusher_account &
# A signal ends `wait` early; the server may still be stopping.
while :; do
  wait "$server" && code=0 || code=$?
  kill -0 "$server" 2>/dev/null || exit "$code"
done

#!/bin/bash
# Starts RabbitMQ with its two users, whose passwords come from the environment at each start.
set -euo pipefail
umask 077
# Into the file by sed's own program, not its arguments, which every process could read.
for name in AVISO_AMQP_PASSWORD AVISO_AMQP_PUSHER_PASSWORD; do
  [[ ${!name:-} =~ ^[A-Za-z0-9_-]+$ ]] || { echo "$name is missing, or has other than letters, digits, - and _" >&2; exit 1; }
  printf 's/@%s@/%s/\n' "$name" "${!name}"
done >/tmp/passwords.sed
sed -f /tmp/passwords.sed /opt/aviso/definitions.json >/tmp/definitions.json
rm /tmp/passwords.sed
unset AVISO_AMQP_PASSWORD AVISO_AMQP_PUSHER_PASSWORD
umask 022
# Erlang keeps a table as long as the limit of open files, which may be a billion: 65,536, or what is allowed.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"
exec rabbitmq-server

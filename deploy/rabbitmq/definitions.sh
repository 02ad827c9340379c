#!/bin/bash
# Prints the definitions that a RabbitMQ loads: definitions.json for AVISO_QUEUES queues (2 unless set), with the
# passwords of AVISO_AMQP_PASSWORD and AVISO_AMQP_PUSHER_PASSWORD.
set -euo pipefail
queues=${AVISO_QUEUES:-2}
[[ $queues =~ ^[1-9][0-9]{0,2}$ ]] && ((queues <= 256)) || {
  echo "AVISO_QUEUES is '$queues', expected an integer from 1 to 256" >&2
  exit 1
}
for name in AVISO_AMQP_PASSWORD AVISO_AMQP_PUSHER_PASSWORD; do
  [[ ${!name:-} =~ ^[A-Za-z0-9_-]+$ ]] || {
    echo "$name is missing, or has other than letters, digits, - and _" >&2
    exit 1
  }
done
# By the shell itself: every process could read another program's arguments.
while IFS= read -r line; do
  line=${line//@AVISO_AMQP_PASSWORD@/$AVISO_AMQP_PASSWORD}
  line=${line//@AVISO_AMQP_PUSHER_PASSWORD@/$AVISO_AMQP_PUSHER_PASSWORD}
  if [[ $line == *'{n}'* ]]; then
    for ((n = 0; n < queues; n++)); do
      printf '%s\n' "${line//\{n\}/$n}"
    done
  else
    printf '%s\n' "$line"
  fi
done <"$(dirname "${BASH_SOURCE[0]}")/definitions.json"

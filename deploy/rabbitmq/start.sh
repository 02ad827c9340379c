#!/bin/bash
# Starts RabbitMQ with its users, queues and exchanges, which it loads at each start.
set -euo pipefail
(umask 077 && /opt/aviso/definitions.sh >/tmp/definitions.json)
unset AVISO_AMQP_PASSWORD AVISO_AMQP_PUSHER_PASSWORD
# Erlang keeps a table as long as the limit of open files, which may be a billion: 65,536, or what is allowed.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"
exec rabbitmq-server

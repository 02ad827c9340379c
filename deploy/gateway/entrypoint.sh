#!/bin/sh
# Starts HAProxy. With a domain it serves HTTPS, with the certificate that Caddy keeps in its storage.
set -eu

domain=${AVISO_DOMAIN:-}
# HAProxy takes the allowed origins as words.
AVISO_ORIGINS=$(printf '%s' "${AVISO_CORS_ORIGINS:-}" | tr ',' ' ')
export AVISO_ORIGINS

if [ -z "$domain" ]; then
  export AVISO_GATEWAY_BIND=":8080 backlog 4096"
  exec haproxy -db -f /etc/gateway/haproxy.cfg
fi

served=/tmp/certificates
mkdir -p "$served"
# It starts without a certificate too, and then refuses every handshake: one is there within a minute.
export AVISO_GATEWAY_BIND=":8443 backlog 4096 ssl crt $served/ strict-sni alpn h2,http/1.1"

# Takes the newest certificate of the domain and its key; says whether it is another than is served.
take_certificate() {
  newest=$(ls -t /data/caddy/certificates/*/"$domain/$domain.crt" 2>/dev/null | head -n 1)
  [ -n "$newest" ] || return 1
  (umask 077 && cat "$newest" "${newest%.crt}.key" >"$served.new" 2>/dev/null) || return 1
  if cmp -s "$served.new" "$served/$domain.pem"; then return 1; fi
  mv "$served.new" "$served/$domain.pem"
}

take_certificate || :
haproxy -W -db -f /etc/gateway/haproxy.cfg -f /etc/gateway/https.cfg &
server=$!
trap 'kill -TERM "$server"' TERM INT

# WebSockets that are open stay with the process that has them.
follow_certificate() {
  while sleep 5; do
    if take_certificate; then kill -USR2 "$server"; fi
  done
}
follow_certificate &
# A signal ends `wait` early; the server may still be stopping.
while :; do
  wait "$server" && code=0 || code=$?
  kill -0 "$server" 2>/dev/null || exit "$code"
done

#!/bin/sh
# nginx, and beside it what tells it where the services are. A new connection for each request costs more than the request, and a few hundred a
# second use up the ports; connections are only kept to an `upstream`, and for that nginx before 1.27.3 asks for names once, at its start.
# So the names are asked here, and nginx reads the answers again when they have changed: in compose, where each container has an address of its
# own; in a cluster those of the Services stay.
set -eu
ADDRESSES=/tmp/upstreams.conf
LOOK_SECONDS=2

upstream() { # name, port
    addresses=$(getent ahostsv4 "$1" | cut -d ' ' -f 1 | sort -u)
    echo "upstream $1 {"
    for address in $addresses; do echo "    server $address:$2 max_fails=1 fail_timeout=2s;"; done
    # Nobody is there: its requests are answered 503 at once.
    [ -n "$addresses" ] || echo "    server 127.0.0.1:9 down;"
    echo "    include /etc/nginx/tracker/keepalive.conf;"
    echo "}"
}

upstreams() {
    upstream ingest 8000
    upstream query 8000
    upstream flower 5555
}

upstreams > $ADDRESSES
while sleep $LOOK_SECONDS; do
    upstreams > $ADDRESSES.new
    if ! cmp -s $ADDRESSES.new $ADDRESSES; then
        mv $ADDRESSES.new $ADDRESSES
        kill -HUP $$
    fi
done &
exec nginx -c /etc/nginx/tracker/nginx.conf

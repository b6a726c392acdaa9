#!/bin/sh
# Starts Redis with its users: `tracker` for the services, `admin` for people, nobody else. Their passwords come by the environment and are
# kept as hashes, in memory. One more argument: the most memory, in bytes.
set -eu
umask 077

hash_of() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }

# What the services and Celery do: keys, streams, scripts by EVAL, INFO. Nothing that empties, stops or reconfigures the whole. A scrub has the
# file written anew.
# `default` is off, nobody can be it; but its rights must stay: Redis reads its own file back as `default`, and asks for each command of a
# transaction in it whether that user may. Without them it starts, and everything that was written in a transaction is gone.
cat > /run/redis/users.acl <<USERS
user default off resetpass ~* &* +@all
user admin on #$(hash_of "$REDISCLI_AUTH") ~* &* +@all
user tracker on #$(hash_of "$TRACKER_REDIS_PASSWORD") ~* &* +@all -@admin -@dangerous -script -function +script|load +script|exists +info +bgrewriteaof
USERS

# Accepted means on the disk: every append is synced, and nothing is ever evicted.
exec redis-server --bind '* -::*' --dir /data --aclfile /run/redis/users.acl --appendonly yes --appendfsync always --no-appendfsync-on-rewrite no \
    --aof-load-truncated yes --save '' --stop-writes-on-bgsave-error yes --maxmemory "$1" --maxmemory-policy noeviction

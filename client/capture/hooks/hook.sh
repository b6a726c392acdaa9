#!/bin/sh
# The hook of Claude Code: puts its payload, which is on standard input, into the spool, and starts `tracker ship` if none runs.
# Usage: sh hook.sh [FOLDER]. Without FOLDER it is that of this script, or ~/.claude-tracker. No variable moves it: the settings of any
# project can set variables. Where `tracker capture` runs a command, this folder itself says so, and names the folder of that command.
#
# Claude Code waits for it, so it forks once, for cat. It prints nothing and exits 0 whatever happens: 2 would block a tool.
# A file of the spool is whole if it is JSON. The shipper removes what a full disk cut off.

folder=${1:-${0%/*}}
[ -n "$1" ] || [ -e "$folder/ship" ] || folder=${HOME:+$HOME/.claude-tracker}
command=$folder/commands/${TRACKER_CAPTURE_DIR##*/}
if [ -n "$TRACKER_CAPTURE_DIR" ] && [ -f "$command" ] && [ -r "$command" ]; then
    read -r named <"$command"
    [ "$named" != "$TRACKER_CAPTURE_DIR" ] || folder=$named
fi
spool=$folder/spool

keep_payload() {
    [ -n "$folder" ] || return 1
    [ -d "$spool" ] || mkdir -p "$spool" || return 1
    # Made when the spool has reached its bounds; the shipper removes it when there is room.
    [ -e "$folder/full" ] && return 1
    # No payload exceeds 4 MiB (in blocks of 512 bytes; a few shells have larger ones).
    ulimit -S -f 8192
    # No file is overwritten: after a restart, or in another container, a process may have the same number.
    set -C
    tries=0
    while [ $tries -lt 100 ]; do
        payload=$spool/$$-$tries
        tries=$((tries + 1))
        [ -e "$payload" ] && continue
        cat >"$payload" && return 0
        # If the file is there, its disk is full, and the payload was read in part.
        [ -e "$payload" ] && return 1
    done
    return 1
}

# A running shipper keeps the time of its file in the future, else its number may be that of another process by now.
is_shipping() {
    [ "$folder/shipper.pid" -nt "$spool" ] && read -r pid <"$folder/shipper.pid" && kill -0 "$pid"
}

is_starting() {
    read -r pid <"$folder/starting.pid" && kill -0 "$pid"
}

# In a session of its own, so that the end of Claude Code does not end it.
start_shipper() {
    set +C
    if command -v setsid; then
        setsid sh "$0" "$folder" ship </dev/null &
    else
        nohup sh "$0" "$folder" ship </dev/null &
    fi
    # Into the block that the file has: a full disk gives no other, and each hook would start a shipper.
    echo $! 1<>"$folder/starting.pid"
}

# Nobody waits for this part.
ship() {
    cd /
    set -- "$spool"/*
    if [ $# -gt 20000 ] || [ "$(du -sk "$spool" | cut -f 1)" -gt 262144 ]; then
        : >"$folder/full"
    fi
    export TRACKER_CAPTURE_DIR="$folder"
    # If it cannot run, the next hooks do not try it again at once.
    if [ -x "$folder/ship" ]; then
        "$folder/ship"
    else
        tracker ship
    fi || sleep 10
}

umask 077
{
    case $2 in
    ship) ship ;;
    start)
        # For statusline.sh, which has no payload.
        mkdir -p "$spool"
        is_shipping || is_starting || start_shipper
        ;;
    *)
        # Claude Code must not meet a closed pipe. Without its payload too, the shipper looks at transcripts, and makes room.
        keep_payload || cat
        [ ! -d "$spool" ] || is_shipping || is_starting || start_shipper
        ;;
    esac
} >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
exit 0

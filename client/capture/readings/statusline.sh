#!/bin/sh
# The status line of Claude Code: keeps what Claude Code tells it, for `tracker ship`, then shows one line, or runs another status line.
# Usage: sh statusline.sh [FOLDER] [-- COMMAND [ARGUMENT …]]. Without FOLDER it is that of this script.
#
# It never asks the server. What it shows of today is in the file `today`, which `tracker ship` refreshes. Claude Code ends a status line
# that still runs when it starts the next one, so it keeps the reading first. That is one file for each session: a reading tells all that
# the one before told, so a newer one takes its place.

folder=${0%/*}
case ${1-} in
'' | --) ;;
*) folder=$1 && shift ;;
esac
[ "${1-}" != -- ] || shift

# With a sign at the end, because the shell drops line feeds there.
given=$(cat && echo .)
given=${given%.}

# Only its length and its id are looked at here: `tracker ship` sends nothing but the members that it lists.
keep_reading() {
    umask 077
    case $given in
    *\"session_id\":\"*) session=${given#*\"session_id\":\"} ;;
    *) return ;;
    esac
    session=${session%%\"*}
    case $session in
    '' | *[!0-9A-Za-z_-]*) return ;;
    esac
    [ ${#session} -le 200 ] && [ ${#given} -le 65536 ] && [ -e "$folder/config.json" ] || return
    [ -d "$folder/readings" ] || mkdir "$folder/readings" || return
    printf '%s' "$given" >"$folder/readings/$session"
    # A running shipper keeps the time of its file in the future.
    if ! { [ "$folder/shipper.pid" -nt "$folder/readings/$session" ] && read -r pid <"$folder/shipper.pid" && kill -0 "$pid"; }; then
        sh "$folder/hook.sh" "$folder" start </dev/null &
    fi
}

# A subshell, so that the umask and the variables of this script do not reach another status line.
(keep_reading) >/dev/null 2>&1

if [ $# -gt 0 ]; then
    printf '%s' "$given" 2>/dev/null | "$@"
    exit
fi

# The local time of seconds since the epoch: by GNU and busybox, else by BSD.
local_time() {
    LC_ALL=C date -d "@$1" "+$2" 2>/dev/null || LC_ALL=C date -r "$1" "+$2" 2>/dev/null
}

limits=
[ ! -r "$folder/limits" ] || read -r limits <"$folder/limits"
read -r now day <<EOD
$(date '+%s %Y-%m-%d')
EOD

# One line of fields: session | 5 hours: percent, reset | 7 days: percent, reset | seconds at which others read them | cache | transcript.
# Claude Code writes compact JSON, in which a quote within a text has a backslash before it. So `"name":` is always the name of a member.
IFS='|' read -r session five five_reset seven seven_reset read_at cache transcript <<EOD
$(LC_ALL=C awk -v now="$now" -v limits="$limits" '
function number(text, name) {
    if (!match(text, "\"" name "\":[0-9][0-9.eE+-]*")) return ""
    return substr(text, RSTART + length(name) + 3, RLENGTH - length(name) - 3) + 0
}
function window(text, name) {
    return match(text, "\"" name "\":[{][^{}]*[}]") ? substr(text, RSTART, RLENGTH) : ""
}
function minutes(ms,  whole) {
    whole = int(ms / 60000 + 0.5)
    if (ms > 0 && ms < 60000) return "<1 min"
    return whole < 60 ? whole " min" : sprintf("%d h %02d min", whole / 60, whole % 60)
}
{ all = all $0 }
END {
    cost = number(all, "total_cost_usd"); time = number(all, "total_duration_ms")
    if (cost != "") session = sprintf("$%.2f", cost)
    if (time != "") session = session (session == "" ? "" : " · ") minutes(time)

    five = window(all, "five_hour"); seven = window(all, "seven_day")
    percent[5] = number(five, "used_percentage"); reset[5] = number(five, "resets_at")
    percent[7] = number(seven, "used_percentage"); reset[7] = number(seven, "resets_at")
    if (five seven == "" && split(limits, known, " ") == 5) {
        percent[5] = known[1]; reset[5] = known[2]; percent[7] = known[3]; reset[7] = known[4]; read_at = known[5]
    }
    for (kind in percent) if (percent[kind] == "" || percent[kind] == "-" || reset[kind] + 0 <= now + 0) percent[kind] = reset[kind] = ""
    for (kind in percent) if (percent[kind] != "") percent[kind] = sprintf("%.0f %%", percent[kind])

    if (match(all, /"warm":(true|false)/) && all !~ /"caching_observed":false/) {
        cache = substr(all, RSTART, RLENGTH) ~ /true/ ? "cache warm" : "cache cold"
        hits = number(all, "hit_ratio")
        if (hits != "") cache = cache sprintf(", %.0f %% hits", hits * 100)
    }
    if (match(all, /"transcript_path":"[^"\\|]*"/)) transcript = substr(all, RSTART + 19, RLENGTH - 20)
    printf "%s|%s|%.0f|%s|%.0f|%s|%s|%s\n", session, percent[5], reset[5], percent[7], reset[7], read_at, cache, transcript
}' <<EOA
$given
EOA
)
EOD

line=$session
add() {
    line=${line:+$line | }$1
}

if [ -r "$folder/today" ] && IFS='|' read -r of today <"$folder/today" && [ "$of" = "$day" ]; then
    add "today $today"
fi
if [ -n "$five$seven" ]; then
    shown=
    [ -z "$five" ] || shown="5 h $five until $(local_time "$five_reset" %H:%M)"
    [ -z "$seven" ] || shown="${shown:+$shown · }7 d $seven until $(local_time "$seven_reset" '%a %H:%M')"
    # Claude Code has them from its last answer, after which it wrote its transcript.
    as_of=$(local_time "${read_at:-$now}" '%Y-%m-%d %a %H:%M')
    [ -n "$read_at" ] || [ ! -r "$transcript" ] || as_of=$(LC_ALL=C date -r "$transcript" '+%Y-%m-%d %a %H:%M')
    case $as_of in
    "$day "*) as_of=${as_of##* } ;;
    *) as_of=${as_of#* } ;;
    esac
    add "$shown (as of $as_of)"
fi
[ -z "$cache" ] || add "$cache"
printf '%s\n' "$line"

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

# Another status line gets the same bytes: with a sign at the end, because the shell drops line feeds there. And it gets its own umask.
if [ $# -gt 0 ]; then
    given=$(cat && echo .)
    given=${given%.}
    (keep_reading) >/dev/null 2>&1
    printf '%s' "$given" 2>/dev/null | "$@"
    exit
fi
given=$(cat)
keep_reading >/dev/null 2>&1

limits=
[ ! -r "$folder/limits" ] || read -r limits <"$folder/limits"

# One line of fields: session | 5 hours: percent, reset | 7 days: percent, reset | seconds at which others read them | cache | transcript.
# Claude Code writes compact JSON, in which a quote within a text has a backslash before it. So `"name":` is always the name of a member.
IFS='|' read -r session five five_reset seven seven_reset read_at cache transcript <<EOD
$(LC_ALL=C awk -v limits="$limits" '
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
    for (kind in percent) percent[kind] = percent[kind] == "" || percent[kind] == "-" ? "" : sprintf("%.0f %%", percent[kind])

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

# All local times by one process, where GNU is.
local_times() {
    set -- now "@${five_reset:-0}" "@${seven_reset:-0}" "@${read_at:-0}"
    [ -e /proc/version ] && printf '%s\n' "$@" | date -f - "$form" 2>/dev/null && return
    date "$form"
    shift
    for at; do
        date -d "$at" "$form" 2>/dev/null || date -r "${at#@}" "$form"
    done
}

form='+%s %Y-%m-%d %a %H:%M'
{
    read -r now day _ clock
    read -r _ _ _ five_clock
    read -r _ _ seven_weekday seven_clock
    read -r _ read_day read_weekday read_clock
} <<EOD
$(LC_ALL=C && export LC_ALL && local_times 2>/dev/null)
EOD
[ "${five_reset:-0}" -gt "${now:-0}" ] || five=
[ "${seven_reset:-0}" -gt "${now:-0}" ] || seven=

line=$session
add() {
    line=${line:+$line | }$1
}

if [ -r "$folder/today" ] && IFS='|' read -r of today <"$folder/today" && [ "$of" = "$day" ]; then
    add "today $today"
fi
if [ -n "$five$seven" ]; then
    shown=
    [ -z "$five" ] || shown="5 h $five until $five_clock"
    [ -z "$seven" ] || shown="${shown:+$shown · }7 d $seven until $seven_weekday $seven_clock"
    if [ -z "$read_at" ]; then
        # Claude Code has them from its last answer, after which it wrote its transcript.
        read_day=$day read_clock=$clock
        [ ! -r "$transcript" ] || read -r _ read_day read_weekday read_clock <<EOD
$(LC_ALL=C date -r "$transcript" "$form")
EOD
    fi
    as_of=$read_clock
    [ "$read_day" = "$day" ] || as_of="$read_weekday $read_clock"
    add "$shown (as of $as_of)"
fi
[ -z "$cache" ] || add "$cache"
printf '%s\n' "$line"

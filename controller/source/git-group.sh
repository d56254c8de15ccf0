#!/bin/sh
# Git in a process group of its own. Stopped alone, it leaves behind the helpers that it started
# (git-remote-https, ssh), and they wait on for a server that does not answer.
command -v setsid >/dev/null || exec git "$@"
trap '[ -z "$git" ] || kill -TERM "-$git"; exit 130' INT TERM
exec 3<&0 # a shell gives no stdin to what it starts in the background
setsid git "$@" <&3 3<&- &
git=$!
exec 3<&-
wait "$git"

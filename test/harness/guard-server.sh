#!/bin/sh
# guard-server.sh PIDFILE NAME FOLDER: waits until its input ends, which it does when the process that holds the other
# end has died, however it died. Then it ends the server whose process id is the first line of PIDFILE and whose
# processes are called NAME (SIGQUIT, after 3 s SIGKILL), its children included, frozen or not, and removes FOLDER.
pid_file=$1 name=$2 folder=$3

cat >/dev/null

family() {
  for stat in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null <"$stat" || continue
    after=${line##*) }
    parent=${after#? }
    parent=${parent%% *}
    id=${line%% *}
    [ "$id" != "$server" ] && [ "$parent" != "$server" ] || echo "$id"
  done
}

if read -r server 2>/dev/null <"$pid_file" && [ "$(cat "/proc/$server/comm" 2>/dev/null)" = "$name" ]; then
  # First the way on which the server clears up what it holds outside its folder; what is left of it does not.
  for id in $(family); do kill -CONT "$id"; done
  kill -QUIT "$server"
  tries=0
  while [ "$tries" -lt 30 ] && [ -d "/proc/$server" ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  if [ -d "/proc/$server" ]; then
    kill -STOP "$server"
    for id in $(family); do kill -KILL "$id"; done
  fi
fi
rm -rf "$folder" || { sleep 1 && rm -rf "$folder"; }

/** Where every container of the agent finds the wrapper and the steps' folders. */
export const scratchDirectory = '/slipway';

/**
 * The wrapper: a POSIX shell script that each container of the agent carries as `/slipway/CONTAINER/step`. It needs
 * /bin/sh, head, cat, tail, dd, mkfifo, mkdir, mv, rm, sleep and, for process groups, setsid.
 *
 *   step serve                              reads lines `run …` from standard input and does them one after the other;
 *                                           says `idle` before each
 *   step run ID BYTES OFFSET LIMIT STAMPS   takes BYTES of standard input for the launch script, starts it unless a
 *                                           step ID was started before, and follows it
 *   step follow ID OFFSET                   writes the log from OFFSET to stdout until the step has ended
 *   step cancel ID SECONDS                  TERM to the step's process group, KILL after SECONDS
 *
 * Standard output of run and follow is the log itself, byte for byte. What is said about the step goes to standard
 * error in records that begin with a line `RS SLIPWAY TYPE FIELDS`: `started`, `alive` every few seconds, `lost` when
 * the step's supervisor has gone without an exit code, `idle`, and
 * `end CODE BYTES OOM CANCELLED OUTPUTBYTES ENVBYTES`, followed by that many bytes of $SLIPWAY_OUTPUT and $SLIPWAY_ENV.
 *
 * A step's folder holds: launch (the script that starts it, with its environment; gone once it runs), script, log,
 * output, env, supervisor and group (process ids), cancelled, and exit: `CODE BYTES OOM`, written when all is over.
 * Making the folder is the lock: a step is started once, however often `run` is called.
 */
export const stepScript = String.raw`
home=${'${0%/*}'}
# Our own files are private; the step gets the container's own mask back.
original=$(umask)
umask 077
say() { printf '\036SLIPWAY %s\n' "$*" >&2; }
nap() { sleep "$1" 2>/dev/null || sleep 1; }
size() { stat -c %s "$1" 2>/dev/null || wc -c <"$1" | tr -d ' '; }
has() { command -v "$1" >/dev/null 2>&1; }
# A command in a session, and so a process group, of its own; where there is no setsid, at least deaf to hang-ups.
apart() { if has setsid; then exec setsid "$@"; else trap '' HUP; exec "$@"; fi; }

# How often the kernel has killed a process of this container for want of memory (cgroup v2, v1).
ooms() {
  for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$file" ] || continue
    while read -r name value; do
      [ "$name" = oom_kill ] && { printf %s "$value"; return; }
    done <"$file"
  done
  printf 0
}

# A time before each line. mawk is left aside: it keeps lines back, or garbles a last line without an end.
stamp() {
  if has perl && perl -MPOSIX -e 1 2>/dev/null; then
    perl -MPOSIX -ne 'BEGIN { $| = 1 } chomp; print strftime("%Y-%m-%dT%H:%M:%SZ ", gmtime), $_, "\n"'
  elif ! awk -W version 2>&1 </dev/null | head -n 1 | grep -q '^mawk' &&
    TZ=UTC awk 'BEGIN { if (strftime("%Y", 0) != 1970) exit 1 }' 2>/dev/null </dev/null; then
    TZ=UTC awk '{ print strftime("%Y-%m-%dT%H:%M:%SZ") " " $0; fflush() }'
  else
    while IFS= read -r line || [ -n "$line" ]; do
      printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$line"
    done
  fi
}

# Standard input to the log $2, unbuffered; up to $1 bytes of it where dd can count them. dd takes every short read for
# a whole block and so ends too early: it is begun again until the log is full or does not grow any more.
pump() {
  if dd if=/dev/null of=/dev/null bs=1 count=1 iflag=count_bytes 2>/dev/null; then
    before=
    length=$(size "$2")
    while [ "$length" -lt "$1" ] && [ "$length" != "$before" ]; do
      before=$length
      dd bs=65536 count="$(($1 - length))" iflag=count_bytes 2>/dev/null || return
      length=$(size "$2")
    done
  else
    cat
  fi
}

record() {
  if [ "$2" -gt 0 ]; then
    if [ -n "$3" ]; then stamp | pump "$2" "$1/log"; else pump "$2" "$1/log"; fi >>"$1/log"
    failed=$?
    if [ "$failed" -ne 0 ]; then
      rm -f "$1/reserve"
      printf '\n[slipway: the disk of the agent is full; the rest of the output of this step is not kept]\n' >>"$1/log"
    elif [ "$(size "$1/log")" -ge "$2" ]; then
      printf '\n[slipway: the limit of %s bytes for the log of a step is reached; the rest of its output is not kept]\n' "$2" >>"$1/log"
    fi
  fi
  # The step must not be stopped by a log that is full.
  cat >/dev/null
  : >"$1/drained"
}

supervise() {
  dir=$home/steps/$1
  [ -d "$home/steps" ] || mkdir -p "$home/steps"
  mkdir "$dir" 2>/dev/null || { rm -f "$5"; exit 0; } # another one was faster
  mv "$5" "$dir/launch"
  printf %s "$$" >"$dir/supervisor"
  : >"$dir/log"
  # For onlookers, in other containers too: which steps there are, in their order.
  (umask 022; printf '%s %s\n' "$(date +%s)" "$1" >>"$home/started")
  mkfifo "$dir/pipe" || exit 1
  : >"$dir/output"
  : >"$dir/env"
  # What is written at the end must find room on a full disk too.
  head -c 8192 /dev/zero >"$dir/reserve" 2>/dev/null
  before=$(ooms)
  record "$dir" "$2" "$3" <"$dir/pipe" &
  (umask "$4"; SLIPWAY_OUTPUT=$dir/output SLIPWAY_ENV=$dir/env; export SLIPWAY_OUTPUT SLIPWAY_ENV
   apart /bin/sh "$dir/launch") </dev/null >"$dir/pipe" 2>&1 &
  child=$!
  printf %s "$child" >"$dir/group.new" && mv "$dir/group.new" "$dir/group"
  wait "$child"
  code=$?
  # What is in the pipe still belongs to the log; a process that was left behind may hold the pipe open for ever.
  tries=0
  until [ -e "$dir/drained" ] || [ "$tries" -ge 100 ]; do
    nap 0.01
    tries=$((tries + 1))
  done
  after=$(ooms)
  rm -f "$dir/reserve"
  until printf '%s %s %s\n' "$code" "$(size "$dir/log")" "$((after - before))" >"$dir/exit.new" && [ -s "$dir/exit.new" ]; do
    nap 1 # the disk is full
  done
  mv "$dir/exit.new" "$dir/exit"
  rm -f "$dir/pipe" "$dir/launch"
}

# Several steps by one exec, since opening one takes longer than a short step. Nothing of one step may be taken for a
# part of the next: when something still writes to the log of a step that has ended, the exec ends too.
serve() {
  say idle
  while read -r verb id length offset limit stamps; do
    [ "$verb" = run ] || { say usage; exit 64; }
    run "$id" "$length" "$offset" "$limit" "$stamps"
    [ "$(size "$dir/log")" = "$bytes" ] || exit 0
    say idle
  done
}

run() {
  dir=$home/steps/$1
  if [ -d "$dir" ]; then
    head -c "$2" >/dev/null # what is not needed must not be taken for the next line
  else
    incoming=$home/incoming.$$.$1
    head -c "$2" >"$incoming"
    if [ "$(size "$incoming")" != "$2" ]; then
      rm -f "$incoming"
      say broken
      exit 75
    fi
    # Some nodes kill an exec whose connection is lost: what was begun must not depend on this process.
    (apart /bin/sh "$0" supervise "$1" "$4" "$5" "$original" "$incoming" </dev/null >/dev/null 2>&1 &)
    tries=0
    until [ -e "$dir/log" ]; do
      [ "$tries" -lt 500 ] || { say broken; exit 75; }
      nap 0.005
      tries=$((tries + 1))
    done
  fi
  follow "$1" "$3"
}

follow() {
  dir=$home/steps/$1
  [ -d "$dir" ] || { say unknown; exit 76; }
  say started
  until [ -e "$dir/log" ]; do nap 0.05; done
  exec 3<"$dir/log"
  if [ "$2" -gt 0 ]; then
    # Who asks may know more of the log than is there yet: the step's output is the same, its time is not.
    until [ "$(size "$dir/log")" -ge "$2" ] || [ -e "$dir/exit" ]; do nap 0.05; done
    tail -c "+$(($2 + 1))" <&3
  fi
  turn=0
  pace=0.005
  while :; do
    ended=
    [ -e "$dir/exit" ] && ended=1
    cat <&3 || exit 74
    [ -z "$ended" ] || break
    nap "$pace"
    turn=$((turn + 1))
    case $turn in 4) pace=0.02 ;; 20) pace=0.05 ;; 100) pace=0.08 ;; esac
    if [ "$((turn % 50))" -eq 0 ]; then attend; fi
  done
  read -r code bytes oom <"$dir/exit"
  cancelled=0
  [ -e "$dir/cancelled" ] && cancelled=1
  # It was stopped with its container: the exit code is not its own.
  if [ "$cancelled" -eq 0 ] && [ -e "$dir/ending" ]; then say ending; exit 78; fi
  outputs=$(size "$dir/output" 2>/dev/null || echo 0)
  values=$(size "$dir/env" 2>/dev/null || echo 0)
  say end "$code" "$bytes" "$oom" "$cancelled" "$outputs" "$values"
  if [ "$((outputs + values))" -le 1048576 ]; then
    cat "$dir/output" "$dir/env" >&2 2>/dev/null
  fi
  exec 3<&-
}

# A sign of life, and a look whether the one who writes the exit code still lives.
attend() {
  say alive
  [ ! -e "$dir/exit" ] || return 0
  if [ -s "$dir/supervisor" ]; then
    read -r supervisor <"$dir/supervisor" || :
    kill -0 "$supervisor" 2>/dev/null && return 0
  elif [ "$turn" -lt 300 ]; then
    return 0
  fi
  [ -e "$dir/exit" ] || { say lost; exit 77; }
}

cancel() {
  dir=$home/steps/$1
  mkdir -p "$home/steps"
  if mkdir "$dir" 2>/dev/null; then # it was never started, and never will be
    : >"$dir/log"
    : >"$dir/cancelled"
    printf '143 0 0\n' >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"
    return 0
  fi
  [ ! -e "$dir/exit" ] || return 0
  : >"$dir/cancelled"
  (apart /bin/sh "$0" stop "$1" "$2" </dev/null >/dev/null 2>&1 &)
}

stop() {
  dir=$home/steps/$1
  turn=0
  until [ -e "$dir/group" ] || [ "$turn" -ge 100 ]; do nap 0.05; turn=$((turn + 1)); done
  read -r group <"$dir/group" || :
  signal TERM
  turn=0
  while [ "$turn" -lt "$(($2 * 10))" ] && signal 0; do
    nap 0.1
    turn=$((turn + 1))
  done
  signal KILL
}

# To the whole group; to the one process where there are no groups.
signal() { kill -"$1" "-$group" 2>/dev/null || kill -"$1" "$group" 2>/dev/null; }

case $1 in
  serve | run | follow | cancel | supervise | stop) "$@" ;;
  *) say usage; exit 64 ;;
esac
`;

/**
 * What the main process of each container runs: lays the wrapper down, says that the container has answered, and
 * idles until it is told to end; as process 1 it reaps what the steps leave. `$1` is the container's name.
 */
export const idleScript = String.raw`
home=${scratchDirectory}/$1
mkdir -p "$home" || exit 1
cat >"$home/step.new" <<'SLIPWAY_STEP_SCRIPT' || exit 1
${stepScript.trim()}
SLIPWAY_STEP_SCRIPT
mv "$home/step.new" "$home/step" && : >"$home/ready" || exit 1
finish() {
  for dir in "$home"/steps/*; do
    if [ -s "$dir/group" ] && [ ! -e "$dir/exit" ] && read -r group <"$dir/group" || [ -n "$group" ]; then
      : >"$dir/ending"
      kill -TERM "-$group" 2>/dev/null
    fi
    group=
  done
  kill "$idle" 2>/dev/null
  exit 0
}
trap finish TERM INT
while :; do
  sleep 3600 &
  idle=$!
  wait "$idle"
done
`;

/** Waits until each of the named containers has laid its wrapper down, then serves steps in its own, the first one. */
export const readyScript = String.raw`
for name; do
  until [ -e "${scratchDirectory}/$name/ready" ]; do sleep 0.02 2>/dev/null || sleep 1; done
done
exec /bin/sh "${scratchDirectory}/$1/step" serve
`;

import { supervisorFunctions } from './supervisor-script.ts';

/** Where every container of the agent finds the wrapper and the steps' folders. */
export const scratchDirectory = '/slipway';

/**
 * The wrapper: a POSIX shell script that each container of the agent carries as `/slipway/CONTAINER/step`. It needs
 * /bin/sh, head, cat, tail, dd, mkfifo, mkdir, mv, rm, sleep, tr and, for process groups, setsid.
 *
 *   step serve                              reads lines `run …` from standard input and does them one after the other;
 *                                           says `idle` before each
 *   step run ID BYTES OFFSET LIMIT OPTIONS  takes BYTES of standard input for the launch script, starts it unless a
 *                                           step ID was started before, and follows it. Letters of OPTIONS: t puts
 *                                           a time before each line, b lets stay what the step leaves running
 *   step follow ID OFFSET                   writes the log from OFFSET to stdout until the step has ended
 *   step cancel ID SECONDS                  TERM to the step's process group, KILL after SECONDS
 *
 * Standard output of run and follow is the log itself, byte for byte. What is reported about the step goes to standard
 * error in records that begin with a line `RS SLIPWAY TYPE FIELDS`: `started`, `alive` every few seconds, `lost` when
 * the step's supervisor has gone without an exit code, `idle`, and
 * `end CODE BYTES OOM CANCELLED OUTPUTBYTES ENVBYTES THERE`, followed by that many bytes of $SLIPWAY_OUTPUT and
 * $SLIPWAY_ENV; THERE is how many of the log's BYTES are still there, for a step may delete or truncate its log.
 *
 * A step's folder holds: launch (the script that starts it, with its environment; gone once it runs), script, log,
 * output, env, supervisor and group (process ids), follower.PID of those who follow it, cancelled (with the grace time),
 * ending (its container is being stopped), and exit: `CODE BYTES OOM`, written when all is over.
 * Making the folder is the lock: a step is started once, however often `run` is called.
 */
export const stepScript = String.raw`
home=${'${0%/*}'}
# Our own files are private; the step gets the container's own mask back.
original=$(umask)
umask 077
emit() { printf '\036SLIPWAY %s\n' "$*" >&2; }
nap() { sleep "$1" 2>/dev/null || sleep 1; }
# Bytes of a file; 0 when there is none.
size() {
  [ -e "$1" ] || { echo 0; return; }
  stat -c %s "$1" 2>/dev/null || wc -c <"$1" | tr -d ' '
}
has() { command -v "$1" >/dev/null 2>&1; }
# A command in a session, and so a process group, of its own; where there is no setsid, at least deaf to hang-ups.
apart() { if has setsid; then exec setsid "$@"; else trap '' HUP; exec "$@"; fi; }

${supervisorFunctions.trim()}

# Several steps by one exec, since opening one takes longer than a short step. Nothing of one step may be taken for a
# part of the next: when something still writes to the log of a step that has ended, the exec ends too.
serve() {
  emit idle
  while read -r verb id length offset limit options; do
    [ "$verb" = run ] || { emit usage; exit 64; }
    run "$id" "$length" "$offset" "$limit" "$options"
    [ "$(size "$dir/log")" = "$bytes" ] || exit 0
    emit idle
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
      emit broken
      exit 75
    fi
    # Some nodes kill an exec whose connection is lost: what was begun must not depend on this process.
    (apart /bin/sh "$0" supervise "$1" "$4" "$5" "$original" "$incoming" "$$" </dev/null >/dev/null 2>&1 &)
    tries=0
    until [ -e "$dir/log" ]; do
      [ "$tries" -lt 500 ] || { emit broken; exit 75; }
      nap 0.005
      tries=$((tries + 1))
    done
  fi
  follow "$1" "$3"
}

follow() {
  dir=$home/steps/$1
  [ -d "$dir" ] || { emit unknown; exit 76; }
  emit started
  # For the container's main process, which stays until its followers have read the log. A full disk must not end this.
  { true >"$dir/follower.$$"; } 2>/dev/null
  turn=0
  # A log that was deleted does not come back: the exit code is waited for without it.
  until [ -e "$dir/log" ] || [ -e "$dir/exit" ]; do rest 0.05; done
  if [ -e "$dir/log" ]; then exec 3<"$dir/log"; else exec 3</dev/null; fi
  if [ "$2" -gt 0 ]; then
    # Who asks may know more of the log than is there yet: the step's output is the same, its time is not.
    until [ "$(size "$dir/log")" -ge "$2" ] || [ -e "$dir/exit" ]; do rest 0.05; done
    tail -c "+$(($2 + 1))" <&3
  fi
  turn=0
  pace=0.005
  while :; do
    ended=
    [ -e "$dir/exit" ] && ended=1
    cat <&3 || exit 74
    [ -z "$ended" ] || break
    rest "$pace"
    case $turn in 4) pace=0.02 ;; 20) pace=0.05 ;; 100) pace=0.08 ;; esac
  done
  read -r code bytes oom <"$dir/exit"
  there=$(size "$dir/log")
  [ "$there" -le "$bytes" ] || there=$bytes
  cancelled=0
  [ -e "$dir/cancelled" ] && cancelled=1
  # It was stopped with its container: the exit code is not its own.
  if [ "$cancelled" -eq 0 ] && [ -e "$dir/ending" ]; then emit ending; exit 78; fi
  outputs=$(size "$dir/output")
  values=$(size "$dir/env")
  emit end "$code" "$bytes" "$oom" "$cancelled" "$outputs" "$values" "$there"
  if [ "$((outputs + values))" -le 1048576 ]; then
    cat "$dir/output" "$dir/env" >&2 2>/dev/null
  fi
  exec 3<&-
}

rest() {
  nap "$1"
  turn=$((turn + 1))
  if [ "$((turn % 50))" -eq 0 ]; then attend; fi
}

# A keep-alive, and a check that the process which writes the exit code is still there.
attend() {
  emit alive
  [ ! -e "$dir/exit" ] || return 0
  if [ -s "$dir/supervisor" ]; then
    read -r supervisor <"$dir/supervisor" || :
    kill -0 "$supervisor" 2>/dev/null && return 0
  elif [ "$turn" -lt 300 ]; then
    return 0
  fi
  [ -e "$dir/exit" ] || { emit lost; exit 77; }
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
  printf '%s\n' "$2" >"$dir/cancelled"
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
  *) emit usage; exit 64 ;;
esac
`;

/**
 * The part of the wrapper (step-script.ts) that starts a step, writes its log, and ends with it what it leaves running.
 *
 *   step supervise ID LIMIT OPTIONS MASK INCOMING FOLLOWER   in a session of its own; INCOMING is the launch script, MASK
 *                                                            the container's file mask, FOLLOWER who started it
 */
export const supervisorFunctions = String.raw`
newline='
'
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

# When a process was started, in ticks of the kernel; stays empty where there is no /proc.
startOf() {
  read -r line <"/proc/$1/stat" || return
  set -- ${'${line##*) }'}
  since=${'${20}'}
}

# Whether a process carries the mark of this step, which its children inherit.
marked() {
  case $newline$(tr '\0' '\n' <"/proc/$1/environ")$newline in
    *"${'${newline}'}SLIPWAY_STEP=$mark$newline"*) return 0 ;;
  esac
  return 1
}

# Finds what the step has left running: its session and group, their children, and what carries its mark; the follower $1
# is none of them. A process that has left all of these is not found. False when there is none.
leftovers() {
  found= outside= names=
  if [ -z "$since" ]; then
    kill -0 "-$child" 2>/dev/null && found=-$child names=', processes'
    [ -n "$found" ]
    return
  fi
  follower=$1
  stats=$(cat /proc/[0-9]*/stat 2>/dev/null)
  set -f
  IFS=$newline
  for line in $stats; do
    IFS=' '
    pid=${'${line%% *}'} name=${'${line#*(}'}
    # From the third field on, the name may hold anything: state, parent, group, session, … start.
    set -- ${'${line##*) }'}
    [ "$#" -ge 20 ] && [ "$1" != Z ] || continue
    if [ "$3" != "$child" ] && [ "$4" != "$child" ]; then
      [ "${'${20}'}" -ge "$since" ] || continue
      case $pid in "$$" | "$follower") continue ;; esac
      case $2 in "$$" | "$follower") continue ;; esac
      case "$known $found " in
        *" $2 "*) ;;
        *) marked "$pid" || continue ;;
      esac
    fi
    found="$found $pid" names="$names, ${'${name%)*}'}"
    [ "$3" = "$child" ] || outside="$outside $pid"
  done
  set +f
  unset IFS
  known="$known$found"
  [ -n "$found" ]
}

# The time in hundredths of a second; where the kernel does not give it, about that of the turns of a loop.
clock() {
  now=$((turn * 2))
  read -r uptime rest </proc/uptime && now=${'${uptime%.*}'}${'${uptime#*.}'}
}

# Ends what the step has left running. What is about to end by itself, such as a tee behind the script, has a moment for
# it; then it gets TERM, and a second later KILL. A cancelled step has got TERM, and has its grace time. Sets: ended.
sweep() {
  known= grace=1 turn=0 stage=wait
  [ -s "$dir/cancelled" ] && read -r grace <"$dir/cancelled"
  clock
  next=$((now + 10))
  while leftovers "$1"; do
    clock
    [ "$stage" = kill ] && kill -KILL $found
    if [ "$now" -ge "$next" ]; then
      case $stage in
        wait)
          stage=term next=$((now + grace * 100))
          [ -e "$dir/cancelled" ] && found=$outside || ended=${'${names#??}'}
          kill -TERM $found ;;
        term) stage=kill next=$((now + 100)) ;;
        kill) return ;; # nothing ends a process that waits for a broken device
      esac
    else
      nap 0.01
    fi
    turn=$((turn + 1))
  done
}

report() {
  {
    [ -z "$(tail -c 1 "$dir/log")" ] || printf '\n'
    printf '[slipway: ended what this step had left running: %.300s]\n' "$1"
  } >>"$dir/log"
}

# What is in the pipe still belongs to the log; a process that was left behind may hold the pipe open for ever.
drain() {
  tries=0
  until [ -e "$dir/drained" ] || [ "$tries" -ge 100 ]; do
    nap 0.01
    tries=$((tries + 1))
  done
}

supervise() {
  dir=$home/steps/$1
  [ -d "$home/steps" ] || mkdir -p "$home/steps"
  mkdir "$dir" 2>/dev/null || { rm -f "$5"; exit 0; } # another one was faster
  mv "$5" "$dir/launch"
  printf %s "$$" >"$dir/supervisor"
  : >"$dir/log"
  # For observers: which steps there are, in their order.
  printf '%s %s\n' "$(date +%s)" "$1" >>"$home/started"
  mkfifo "$dir/pipe" || exit 1
  : >"$dir/output"
  : >"$dir/env"
  # What is written at the end must find room on a full disk too.
  head -c 8192 /dev/zero >"$dir/reserve" 2>/dev/null
  before=$(ooms)
  since=
  startOf "$$"
  # Told apart from the same step of another run, whose processes may be seen too.
  mark=$1.$$.$since
  case $3 in *t* | 1) stamps=1 ;; *) stamps= ;; esac
  record "$dir" "$2" "$stamps" <"$dir/pipe" &
  (umask "$4"; SLIPWAY_OUTPUT=$dir/output SLIPWAY_ENV=$dir/env SLIPWAY_STEP=$mark
   export SLIPWAY_OUTPUT SLIPWAY_ENV SLIPWAY_STEP
   apart /bin/sh "$dir/launch") </dev/null >"$dir/pipe" 2>&1 &
  child=$!
  printf %s "$child" >"$dir/group.new" && mv "$dir/group.new" "$dir/group"
  wait "$child"
  code=$?
  drain
  ended=
  case $3 in *b*) ;; *) sweep "$6" ;; esac
  if [ -n "$ended" ]; then
    drain
    [ "$2" -eq 0 ] || report "$ended"
  fi
  after=$(ooms)
  until printf '%s %s %s\n' "$code" "$(size "$dir/log")" "$((after - before))" >"$dir/exit.new" && [ -s "$dir/exit.new" ]; do
    # The disk is full.
    if [ -e "$dir/reserve" ]; then rm -f "$dir/reserve"; else nap 1; fi
  done
  mv "$dir/exit.new" "$dir/exit"
  rm -f "$dir/pipe" "$dir/launch" "$dir/reserve"
}

`;

import { scratchDirectory, stepScript } from './step-script.ts';

/**
 * What the main process of each container runs: lays the wrapper down, says that the container has answered, and
 * idles until it is told to end; then it ends the steps that run. As process 1 it reaps what the steps leave. `$1` is the container's name.
 */
export const idleScript = String.raw`
home=${scratchDirectory}/$1
mkdir -p "$home" || exit 1
cat >"$home/step.new" <<'SLIPWAY_STEP_SCRIPT' || exit 1
${stepScript.trim()}
SLIPWAY_STEP_SCRIPT
mv "$home/step.new" "$home/step" && : >"$home/ready" || exit 1
nap() { sleep "$1" 2>/dev/null || sleep 1; }
# Gives TERM, once, to each step that has not ended. True while one of them, or who reads its last lines, is at work.
endSteps() {
  busy=
  for dir in "$home"/steps/*; do
    if [ ! -e "$dir/exit" ]; then
      [ -d "$dir" ] || continue
      if [ ! -e "$dir/ending" ] && [ -s "$dir/group" ]; then
        read -r group <"$dir/group"
        : >"$dir/ending"
        kill -TERM "-$group" 2>/dev/null || kill -TERM "$group" 2>/dev/null
      fi
      # Without its supervisor, its exit file is never written.
      if [ -s "$dir/supervisor" ]; then
        read -r supervisor <"$dir/supervisor"
        kill -0 "$supervisor" 2>/dev/null || continue
      fi
      busy=1
    elif [ -e "$dir/ending" ]; then
      for follower in "$dir"/follower.*; do
        [ -e "$follower" ] && kill -0 "${'${follower##*.}'}" 2>/dev/null && busy=1
      done
    fi
  done
  [ -n "$busy" ]
}
# Its end is that of all processes of the container, so it waits for them; the kubelet ends the wait with the grace period.
finish() {
  trap '' TERM INT
  while endSteps; do nap 0.05; done
  kill "$idle" 2>/dev/null
  # As one that TERM has ended: with 0 an evicted pod looks as if it had done its work.
  exit 143
}
trap finish TERM INT
while :; do
  sleep 3600 &
  idle=$!
  wait "$idle"
done
`;

/** Waits until the container has laid its wrapper down, then serves steps. `$1` is the container's name. */
export const readyScript = String.raw`
until [ -e "${scratchDirectory}/$1/ready" ]; do sleep 0.02 2>/dev/null || sleep 1; done
exec /bin/sh "${scratchDirectory}/$1/step" serve
`;

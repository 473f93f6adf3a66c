/**
 * Runs inside the container: goes to the working folder (made if it is not there), checks whether the command is there,
 * and becomes it. `report` and `exitCode` are where and how it reports that it cannot; `redirect` goes before the command.
 */
function enterScript({
  report,
  exitCode,
  redirect,
}: {
  report: string;
  exitCode: number;
  redirect: string;
}): string {
  return `
fail() { echo "$1" ${report}; exit ${exitCode}; }
cd "$1" 2>/dev/null || { mkdir -p "$1" && cd "$1"; } || fail "error chdir to cwd: $1"
shift
case $1 in
*/*) if [ -d "$1" ]; then why="is a directory"; elif [ ! -e "$1" ]; then why="no such file or directory"; elif [ ! -x "$1" ]; then why="permission denied"; fi ;;
*) command -v -- "$1" >/dev/null || why='executable file not found in $PATH' ;;
esac
[ -z "$why" ] || fail "error exec: \\"$1\\": $why"
${redirect}`;
}

/** The container's own process: its own report goes to descriptor 3, its error output to 4. */
export const enterCommand = enterScript({
  report: '>&3',
  exitCode: 128,
  redirect: 'echo started >&3; exec "$@" 2>&4 3>&- 4>&-',
});
/** A further command in the container; the exit code is that of the real runtimes. */
export const enterExecCommand = enterScript({ report: '>&2', exitCode: 126, redirect: 'exec "$@"' });

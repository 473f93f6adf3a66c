import { askpassScript } from './askpass-script.ts';

/** Exit code where the server could not be reached, or failed: another try may succeed (EX_TEMPFAIL). */
export const unreachableExitCode = 75;

/** What Git, curl and ssh say of trouble that passes, in an extended regular expression. */
const passing = [
  'could not resolve|temporary failure in name resolution',
  'failed to connect|could not connect|couldn.t connect|connection (was )?(refused|reset|closed|timed ?out)',
  'operation timed out|timeout was reached|network is unreachable|no route to host',
  'returned error: (408|429|5[0-9][0-9])|rpc failed; (curl|http (408|429|5[0-9][0-9]))',
  'early eof|unexpected disconnect|hung up unexpectedly|empty reply from server|transfer closed',
  'recv failure|send failure|not closed cleanly|ssl_error_syscall|non-properly terminated|error in the pull function',
  'kex_exchange_identification|dial tcp|i/o timeout|unexpected eof',
].join('|');

/**
 * What runs in the agent. Every value comes in as an environment variable, none as part of the text:
 * CHECKOUT_URL, CHECKOUT_REF, CHECKOUT_DEPTH, CHECKOUT_TAGS, CHECKOUT_PATH, CHECKOUT_SUBMODULES, CHECKOUT_LFS and, where there are
 * credentials, CHECKOUT_USERNAME, CHECKOUT_PASSWORD, CHECKOUT_SSH_KEY, CHECKOUT_KNOWN_HOSTS; for a repository that the
 * runner sent, CHECKOUT_LOCAL (its place, removed at the end), CHECKOUT_ORIGIN, CHECKOUT_BRANCH, CHECKOUT_TAG. Credentials are handed to
 * git by GIT_ASKPASS and GIT_SSH_COMMAND, so they stand in no argument and no .git/config; the private folder that
 * holds the key is removed at the end. CHECKOUT_LOGIN is both in one, `user:password`.
 *
 * Where the server fails, the output `failure` is the line that says why, and the exit code tells trouble that may pass.
 */
export const checkoutScript = `
command -v git >/dev/null 2>&1 || {
  echo "git is not in this container: set 'container:' to one that has it, or use the default agent image" >&2
  exit 127
}
umask 022
private=$(mktemp -d "\${TMPDIR:-/tmp}/checkout.XXXXXX")
chmod 700 "$private"
: >"$private/said"
finish() {
  code=$?
  trap - EXIT
  if [ "$code" -ne 0 ] && [ -s "$private/said" ]; then
    why=$(grep -Ev '^[[:space:]]*$|^warning:|^@@@' "$private/said" | head -n 1 | cut -c 1-300)
    echo "failure=$why" >>"$SLIPWAY_OUTPUT"
    ! grep -Eqi '${passing}' "$private/said" || code=${String(unreachableExitCode)}
  fi
  rm -rf "$private"
  exit "$code"
}
trap finish EXIT
trap 'exit 143' TERM INT HUP
# Nothing of the image, and nothing that an earlier stage left, says what git does here, where it is given credentials.
unset GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES \\
  GIT_NAMESPACE GIT_CONFIG GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_TEMPLATE_DIR GIT_EXTERNAL_DIFF GIT_ASKPASS SSH_ASKPASS
# LC_ALL: what git and ssh complain of is read.
export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_PAGER=cat LC_ALL=C
export GIT_ALLOW_PROTOCOL=\${CHECKOUT_PROTOCOLS:-https:http:ssh}
export HOME="$private" XDG_CONFIG_HOME="$private"
git() {
  command git -c core.fsmonitor=false -c core.hooksPath=/dev/null -c core.sshCommand=ssh -c core.askPass= -c core.gitProxy= \\
    -c core.alternateRefsCommand= -c credential.helper= -c safe.bareRepository=explicit -c submodule.recurse=false \\
    -c log.showSignature=false -c color.ui=false -c column.ui=never "$@"
}
# Talks to the server: what it complains of is kept until something else has succeeded.
ask() {
  code=0
  git "$@" 2>"$private/said" || code=$?
  [ -n "\${hush:-}" ] || cat "$private/said" >&2
  [ "$code" -ne 0 ] || : >"$private/said"
  return "$code"
}
if [ -n "\${CHECKOUT_LOGIN:-}" ]; then
  export CHECKOUT_USERNAME="\${CHECKOUT_LOGIN%%:*}" CHECKOUT_PASSWORD="\${CHECKOUT_LOGIN#*:}"
  unset CHECKOUT_LOGIN
fi
if [ -n "\${CHECKOUT_PASSWORD:-}" ]; then
  login=\${CHECKOUT_ORIGIN:-$CHECKOUT_URL}
  authority=\${login#*://} authority=\${authority%%/*}
  export CHECKOUT_SERVER="\${login%%://*}://\${authority##*@}"
  cat > "$private/askpass" <<'ASKPASS'
${askpassScript}ASKPASS
  chmod 700 "$private/askpass"
  export GIT_ASKPASS="$private/askpass"
fi
if [ -n "\${CHECKOUT_SSH_KEY:-}" ]; then
  ( umask 077; printf '%s\\n' "$CHECKOUT_SSH_KEY" > "$private/key"; printf '%s\\n' "\${CHECKOUT_KNOWN_HOSTS:-}" > "$private/known_hosts" )
  export GIT_SSH_COMMAND="ssh -i $private/key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=$private/known_hosts"
fi
mkdir -p "$CHECKOUT_PATH"
cd "$CHECKOUT_PATH"
# Of a repository that is there already (a cache, an earlier stage), the commits are used, not its settings.
if [ -d .git ] && [ ! -L .git ]; then
  rm -rf .git/config .git/config.worktree .git/commondir .git/hooks .git/info/attributes
else
  rm -rf .git
fi
git config --global --add safe.directory "$(pwd)"
[ -z "\${CHECKOUT_LOCAL:-}" ] || git config --global --add safe.directory "$CHECKOUT_LOCAL"
git config --global advice.detachedHead false
git init --quiet --template=
git remote remove origin 2>/dev/null || true
git remote add origin "$CHECKOUT_URL"
depth=
[ "$CHECKOUT_DEPTH" = 0 ] || depth=--depth=$CHECKOUT_DEPTH
ref=\${CHECKOUT_REF:-HEAD}
# a repository that was sent may have a shallow history, which is all that there is
[ -z "\${CHECKOUT_LOCAL:-}" ] || [ -n "$depth" ] || depth=--update-shallow
fetch() { ask fetch --quiet --no-tags --force $depth origin "$@"; }
branch= tag=
case $ref in
  refs/heads/*) branch=\${ref#refs/heads/}; fetch "$ref" ;;
  refs/tags/*) tag=\${ref#refs/tags/}; fetch "$ref:$ref" ;;
  refs/*|HEAD) fetch "$ref" ;;
  *)
    names=$(ask ls-remote --quiet origin "refs/heads/$ref" "refs/tags/$ref")
    if [ -n "$names" ]; then
      case $names in
        *"refs/heads/$ref"*) branch=$ref; fetch "refs/heads/$ref" ;;
        *) tag=$ref; fetch "refs/tags/$ref:refs/tags/$ref" ;;
      esac
    elif printf '%s' "$ref" | grep -Eq '^[0-9a-f]{7,64}$'; then
      # not every server lets a bare commit be fetched, and none an abbreviated one: then take all and look
      hush=1
      fetch "$ref" || { hush= && ask fetch --quiet --force origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'; }
      hush=
      git cat-file -e "$ref^{commit}" 2>/dev/null || { echo "no commit $ref in $CHECKOUT_URL" >&2; exit 1; }
      git update-ref FETCH_HEAD "$(git rev-parse "$ref^{commit}")"
    else
      echo "no branch, tag or commit named $ref in $CHECKOUT_URL" >&2
      exit 1
    fi ;;
esac
sha=$(git rev-parse 'FETCH_HEAD^{commit}')
[ "\${CHECKOUT_TAGS:-}" != true ] || fetch '+refs/tags/*:refs/tags/*'
if [ -n "\${CHECKOUT_LOCAL:-}" ]; then
  # What was sent holds this one commit alone: submodules and LFS files come from where it was cloned from.
  export GIT_ALLOW_PROTOCOL=https:http:ssh
  [ -z "\${CHECKOUT_ORIGIN:-}" ] || git remote set-url origin "$CHECKOUT_ORIGIN"
fi
[ "$depth" != --update-shallow ] || depth=
git -c filter.lfs.smudge= -c filter.lfs.process= -c filter.lfs.required=false checkout --quiet --force --detach "$sha"
if [ "$CHECKOUT_LFS" = true ] || { [ -z "$CHECKOUT_LFS" ] && git grep -q 'filter=lfs' -- .gitattributes '*/.gitattributes' 2>/dev/null; }; then
  if git lfs version >/dev/null 2>&1; then
    command git lfs install --local --skip-smudge >/dev/null # it asks where hooks are, to put its own there
    ask lfs pull origin
  elif [ "$CHECKOUT_LFS" = true ]; then
    echo "lfs is set but git-lfs is not in this container" >&2
    exit 127
  else
    echo "warning: the repository uses Git LFS but git-lfs is not in this container: pointer files stay as they are" >&2
  fi
fi
case $CHECKOUT_SUBMODULES in
  true) ask submodule --quiet update --init $depth ;;
  recursive) ask submodule --quiet update --init --recursive $depth ;;
esac
[ -n "$branch" ] || branch=\${CHECKOUT_BRANCH:-}
[ -n "$tag" ] || tag=\${CHECKOUT_TAG:-}
if [ -z "$branch" ] && [ "$ref" = HEAD ]; then
  names=$(ask ls-remote --symref origin HEAD)
  branch=$(printf '%s\\n' "$names" | sed -n 's#^ref: refs/heads/\\(.*\\)\\tHEAD$#\\1#p')
fi
{
  if [ -n "\${CHECKOUT_LOCAL:-}" ]; then echo "url=\${CHECKOUT_ORIGIN:-}"; else echo "url=$CHECKOUT_URL"; fi
  echo "sha=$sha"
  echo "shortSha=$(printf '%.12s' "$sha")"
  echo "branch=$branch"
  echo "tag=$tag"
  git log -1 --format='author=%an <%ae>%nmessage=%s' "$sha"
} >> "$SLIPWAY_OUTPUT"
if [ -n "\${CHECKOUT_LOCAL:-}" ]; then
  rm -rf "$CHECKOUT_LOCAL"
  [ -n "\${CHECKOUT_ORIGIN:-}" ] || git remote remove origin
fi
echo "checked out $(printf '%.12s' "$sha")\${branch:+ of branch $branch}\${tag:+, tag $tag}: $(git log -1 --format=%s "$sha")"
`;

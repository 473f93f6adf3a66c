/**
 * What runs in the agent. Every value comes in as an environment variable, none as part of the text:
 * CHECKOUT_URL, CHECKOUT_REF, CHECKOUT_DEPTH, CHECKOUT_PATH, CHECKOUT_SUBMODULES, CHECKOUT_LFS and, where there are
 * credentials, CHECKOUT_USERNAME, CHECKOUT_PASSWORD, CHECKOUT_SSH_KEY, CHECKOUT_KNOWN_HOSTS; for a repository that the
 * runner sent, CHECKOUT_LOCAL (its place, removed at the end), CHECKOUT_ORIGIN, CHECKOUT_BRANCH, CHECKOUT_TAG. Credentials are handed to
 * git by GIT_ASKPASS and GIT_SSH_COMMAND, so they stand in no argument and no .git/config; the private folder that
 * holds the key is removed at the end.
 */
export const checkoutScript = `
command -v git >/dev/null 2>&1 || {
  echo "this container has no git: name one that has in 'container:' or use the default agent image" >&2
  exit 127
}
umask 022
private=$(mktemp -d "\${TMPDIR:-/tmp}/checkout.XXXXXX")
chmod 700 "$private"
trap 'rm -rf "$private"' EXIT
trap 'exit 143' TERM INT HUP
export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1 GIT_ALLOW_PROTOCOL=\${CHECKOUT_PROTOCOLS:-https:http:ssh}
export HOME="$private"
if [ -n "\${CHECKOUT_PASSWORD:-}" ]; then
  authority=\${CHECKOUT_URL#*://} authority=\${authority%%/*}
  export CHECKOUT_AUTHORITY="\${authority##*@}"
  cat > "$private/askpass" <<'ASKPASS'
#!/bin/sh
# Submodules and redirects may lead to other hosts: the password is for none of them.
case $1 in
  *"//$CHECKOUT_AUTHORITY'"* | *"@$CHECKOUT_AUTHORITY'"*) ;;
  *) echo "no credentials are given to another host than $CHECKOUT_AUTHORITY" >&2; exit 1 ;;
esac
case $1 in
  Username*) printf '%s\\n' "\${CHECKOUT_USERNAME:-git}" ;;
  *) printf '%s\\n' "$CHECKOUT_PASSWORD" ;;
esac
ASKPASS
  chmod 700 "$private/askpass"
  export GIT_ASKPASS="$private/askpass"
fi
if [ -n "\${CHECKOUT_SSH_KEY:-}" ]; then
  ( umask 077; printf '%s\\n' "$CHECKOUT_SSH_KEY" > "$private/key"; printf '%s\\n' "\${CHECKOUT_KNOWN_HOSTS:-}" > "$private/known_hosts" )
  export GIT_SSH_COMMAND="ssh -i $private/key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=$private/known_hosts"
fi
mkdir -p "$CHECKOUT_PATH"
cd "$CHECKOUT_PATH"
git config --global --add safe.directory "$(pwd)"
[ -z "\${CHECKOUT_LOCAL:-}" ] || git config --global --add safe.directory "$CHECKOUT_LOCAL"
git config --global advice.detachedHead false
git init --quiet
git remote remove origin 2>/dev/null || true
git remote add origin "$CHECKOUT_URL"
depth=
[ "$CHECKOUT_DEPTH" = 0 ] || depth=--depth=$CHECKOUT_DEPTH
ref=\${CHECKOUT_REF:-HEAD}
fetch() { git fetch --quiet --no-tags --force $depth origin "$@"; }
branch= tag=
case $ref in
  refs/heads/*) branch=\${ref#refs/heads/}; fetch "$ref" ;;
  refs/tags/*) tag=\${ref#refs/tags/}; fetch "$ref:$ref" ;;
  refs/*|HEAD) fetch "$ref" ;;
  *)
    if names=$(git ls-remote --quiet origin "refs/heads/$ref" "refs/tags/$ref") && [ -n "$names" ]; then
      case $names in
        *"refs/heads/$ref"*) branch=$ref; fetch "refs/heads/$ref" ;;
        *) tag=$ref; fetch "refs/tags/$ref:refs/tags/$ref" ;;
      esac
    elif printf '%s' "$ref" | grep -Eq '^[0-9a-f]{7,64}$'; then
      # not every server lets a bare commit be fetched, and none an abbreviated one: then take all and look
      fetch "$ref" 2>/dev/null || git fetch --quiet --force origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'
      git cat-file -e "$ref^{commit}" 2>/dev/null || { echo "no commit $ref in $CHECKOUT_URL" >&2; exit 1; }
      git update-ref FETCH_HEAD "$(git rev-parse "$ref^{commit}")"
    else
      echo "no branch, tag or commit named $ref in $CHECKOUT_URL" >&2
      exit 1
    fi ;;
esac
sha=$(git rev-parse 'FETCH_HEAD^{commit}')
git -c filter.lfs.smudge= -c filter.lfs.process= -c filter.lfs.required=false checkout --quiet --force --detach "$sha"
if [ "$CHECKOUT_LFS" = true ] || { [ -z "$CHECKOUT_LFS" ] && git grep -q 'filter=lfs' -- .gitattributes '*/.gitattributes' 2>/dev/null; }; then
  if git lfs version >/dev/null 2>&1; then
    git lfs install --local --skip-smudge >/dev/null
    git lfs pull origin
  elif [ "$CHECKOUT_LFS" = true ]; then
    echo "lfs is asked for but git-lfs is not in this container" >&2
    exit 127
  else
    echo "warning: the repository uses Git LFS but git-lfs is not in this container: pointer files stay as they are" >&2
  fi
fi
case $CHECKOUT_SUBMODULES in
  true) git submodule --quiet update --init $depth ;;
  recursive) git submodule --quiet update --init --recursive $depth ;;
esac
[ -n "$branch" ] || branch=\${CHECKOUT_BRANCH:-}
[ -n "$tag" ] || tag=\${CHECKOUT_TAG:-}
if [ -z "$branch" ] && [ "$ref" = HEAD ]; then
  branch=$(git ls-remote --symref origin HEAD 2>/dev/null | sed -n 's#^ref: refs/heads/\\(.*\\)\\tHEAD$#\\1#p')
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
  if [ -n "\${CHECKOUT_ORIGIN:-}" ]; then git remote set-url origin "$CHECKOUT_ORIGIN"; else git remote remove origin; fi
fi
echo "checked out $(printf '%.12s' "$sha")\${branch:+ of branch $branch}\${tag:+, tag $tag}: $(git log -1 --format=%s "$sha")"
`;

import { createHash } from 'node:crypto';
import type { CacheInput } from './schema.ts';

/**
 * Restores one cache in the agent: $CACHE_FOLDER, $CACHE_NAME (of the archive); runs in the working folder. One that
 * cannot be unpacked is as good as none: a message says so, and the stage continues without it.
 */
export const restoreScript = `
archive="$CACHE_FOLDER/$CACHE_NAME.tar"
if [ ! -f "$archive" ]; then echo "cache $CACHE_KEY: nothing saved yet"
elif tar -xf "$archive"; then echo "cache $CACHE_KEY: restored"
else echo "cache $CACHE_KEY: cannot be unpacked, continuing without it"; fi
`;

/**
 * Saves one cache, unless it is there: $CACHE_FOLDER, $CACHE_NAME, $CACHE_PATHS (a line each), $CACHE_KEPT (for how
 * long, when it is not for good); runs in the working
 * folder. Written beside and renamed, so that a reader never sees half of one and two writers do not disturb each
 * other. A cache that cannot be saved fails nothing. Small images' tar takes no list of files, so they are arguments.
 */
export const saveScript = `
archive="$CACHE_FOLDER/$CACHE_NAME.tar" part="$CACHE_FOLDER/.$CACHE_NAME.$$"
[ -f "$archive" ] && exit 0
mkdir -p "$CACHE_FOLDER"
trap 'rm -f "$part"' EXIT
set --
while IFS= read -r path; do
  if [ -e "$path" ]; then set -- "$@" "$path"; else echo "cache $CACHE_KEY: $path not found" >&2; fi
done <<PATHS
$CACHE_PATHS
PATHS
[ $# -gt 0 ] || exit 0
if tar -cf "$part" -- "$@" && mv "$part" "$archive"; then echo "cache $CACHE_KEY: saved$CACHE_KEPT"
else echo "cache $CACHE_KEY: could not be saved"; fi
`;

/** The archive of a cache: its key and paths may hold any character, so its name is their hash. */
export function archiveName(pipeline: string, cache: CacheInput): string {
  const content = JSON.stringify([pipeline, cache.key, cache.paths]);
  return createHash('sha256').update(content).digest('hex').slice(0, 40);
}

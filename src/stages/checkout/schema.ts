import * as z from '../../base/zod.ts';

/** `checkout:` of a stage. */
export const checkoutFields = {
  checkout: z.strictObject({
    url: z.described(
      'Repository: https://, ssh://, git@host:path or file://. Without it: the working copy that the pipeline file lies in; the stages after it work in the file’s folder.',
      z.optional(z.string().check(z.minLength(1))),
    ),
    ref: z.described(
      'Branch, tag, commit, refs/pull/N/head. Default: the remote HEAD.',
      z.optional(z.string().check(z.minLength(1))),
    ),
    depth: z.described('Commits of history; 0 for all.', z._default(z.int().check(z.minimum(0)), 1)),
    tags: z.described(
      'Whether all tags are fetched too; `git describe` needs them, and `depth: 0`.',
      z._default(z.boolean(), false),
    ),
    submodules: z.described(
      'Whether submodules are checked out too.',
      z._default(z.union([z.boolean(), z.literal('recursive')]), false),
    ),
    lfs: z.described(
      'Git LFS files. Default: when the repository uses it and git-lfs is there.',
      z.optional(z.boolean()),
    ),
    path: z.described(
      'Folder of the workspace to check out into.',
      z._default(z.string().check(z.minLength(1)), '.'),
    ),
    credentials: z.described(
      'Name of a secret: `username` and `password` (or `token`), or one value that is a token or `user:password`, for HTTPS; `ssh-privatekey` and `known_hosts` for SSH; in a local checkout for its submodules.',
      z.optional(z.string().check(z.minLength(1))),
    ),
  }),
};

/** What the checkout stage is asked. */
export type CheckoutInput = z.infer<z.ZodMiniObject<typeof checkoutFields>>;

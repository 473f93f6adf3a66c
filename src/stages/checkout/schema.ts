import * as z from 'zod';

/** `checkout:` of a stage. */
export const checkoutFields = {
  checkout: z.strictObject({
    url: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Repository: https://, ssh://, git@host:path or file://. Without it: the working copy that the pipeline file lies in; the stages after it work in the file’s folder.',
      ),
    ref: z
      .string()
      .min(1)
      .optional()
      .describe('Branch, tag, commit, refs/pull/N/head. Default: the remote HEAD.'),
    depth: z.number().int().min(0).default(1).describe('Commits of history; 0 for all.'),
    submodules: z
      .union([z.boolean(), z.literal('recursive')])
      .default(false)
      .describe('Whether submodules are checked out too.'),
    lfs: z
      .boolean()
      .optional()
      .describe('Git LFS files. Default: when the repository uses it and git-lfs is there.'),
    path: z.string().min(1).default('.').describe('Folder of the workspace to check out into.'),
    credentials: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Name of a secret with `username` and `password` (or `token`) for HTTPS, or `ssh-privatekey` and `known_hosts` for SSH.',
      ),
  }),
};

/** What the checkout stage is asked. */
export type CheckoutInput = z.infer<z.ZodObject<typeof checkoutFields>>;

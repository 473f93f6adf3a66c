import * as z from '../../base/zod.ts';

const globs = z.union([
  z.string().check(z.minLength(1)),
  z.array(z.string().check(z.minLength(1))).check(z.minLength(1)),
]);

const cache = z.strictObject({
  key: z.described(
    'Names the content, e.g. npm-${{ hashFiles("package-lock.json") }}. A cache of this key is never overwritten.',
    z.string().check(z.minLength(1)),
  ),
  paths: z.described(
    'Files and folders, relative to the working folder.',
    z.array(z.string().check(z.minLength(1))).check(z.minLength(1)),
  ),
});

/** The fields of a `run` stage. */
export const runFields = {
  run: z.described(
    'Shell script. No ${{ }} in it: values come as environment variables.',
    z.string().check(z.minLength(1)),
  ),
  shell: z.described(
    'Interpreter and its options; the script file is appended. Default: what the first line of the script says (`#!/usr/bin/env python3`), or `sh -e`.',
    z.optional(z.string().check(z.minLength(1))),
  ),
  workingDirectory: z.described('Relative to the checkout.', z.optional(z.string().check(z.minLength(1)))),
  timestamps: z.described(
    'Prefix each line of output with the time, taken in the pod.',
    z._default(z.boolean(), false),
  ),
  background: z.described(
    'Keep processes that the script leaves running; otherwise they are stopped with it. They can read the secrets of later stages in their container.',
    z._default(z.boolean(), false),
  ),
  cache: z.described(
    'Kept between runs on the claim of `agent.cache`; the sandbox needs none.',
    z.optional(z.union([cache, z.array(cache).check(z.minLength(1))])),
  ),
  reports: z.described(
    'Test reports to collect, whether the script succeeded or not.',
    z.optional(z.strictObject({ junit: globs.check(z.describe('JUnit XML files.')) })),
  ),
  artifacts: z.described('Files to collect, whether the script succeeded or not.', z.optional(globs)),
};

/** What a run stage is asked. */
export type RunInput = z.infer<z.ZodMiniObject<typeof runFields>>;

/** One cache of a stage. */
export type CacheInput = z.infer<typeof cache>;

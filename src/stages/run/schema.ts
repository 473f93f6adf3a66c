import * as z from 'zod';

const globs = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const cache = z.strictObject({
  key: z
    .string()
    .min(1)
    .describe(
      'Names the content, e.g. npm-${{ hashFiles("package-lock.json") }}. A cache of this key is never overwritten.',
    ),
  paths: z.array(z.string().min(1)).min(1).describe('Files and folders, relative to the working folder.'),
});

/** The fields of a `run` stage. */
export const runFields = {
  run: z.string().min(1).describe('Shell script. No ${{ }} in it: values come as environment variables.'),
  shell: z
    .string()
    .min(1)
    .default('sh -e')
    .describe('Interpreter and its options; the script file is appended.'),
  workingDirectory: z.string().min(1).optional().describe('Relative to the checkout.'),
  timestamps: z
    .boolean()
    .default(false)
    .describe('Begin each line of output with the time, made in the pod.'),
  cache: z
    .union([cache, z.array(cache).min(1)])
    .optional()
    .describe('Kept between runs on the cache volume.'),
  reports: z
    .strictObject({ junit: globs.describe('JUnit XML files.') })
    .optional()
    .describe('Test reports to collect, whether the script succeeded or not.'),
  artifacts: globs.optional().describe('Files to collect, whether the script succeeded or not.'),
};

/** What a run stage is asked. */
export type RunInput = z.infer<z.ZodObject<typeof runFields>>;

/** One cache of a stage. */
export type CacheInput = z.infer<typeof cache>;

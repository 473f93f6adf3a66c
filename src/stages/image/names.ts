import * as z from '../../base/zod.ts';

const repositoryName =
  /^(?:[\w.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+$/;
const tagName = /^\w[\w.-]{0,127}$/;
const variableName = /^[A-Za-z_]\w*$/;

/** The name of a repository with its registry. A refinement: its pattern says little to who reads the JSON Schema. */
export const repository = z.string().check(
  z.refine((name) => repositoryName.test(name), {
    error:
      'not the name of a repository with its registry, as harbor.example.com/shop/web: in lowercase, without a tag',
  }),
);

/** A tag of an image. */
export const tag = z.string().check(
  z.refine((name) => tagName.test(name), {
    error: 'not a tag: letters, digits, "_", "." and "-", at most 128',
  }),
);

/** The name of a build argument. */
export const argumentName = z
  .string()
  .check(z.refine((name) => variableName.test(name), { error: 'not the name of a variable' }));

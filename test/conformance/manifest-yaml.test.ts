import { describe, expect, it } from '@jest/globals';
import { manifestOf, yamlForms } from '../support/yaml-forms.ts';
import { patience, useLab } from './lab.ts';

/**
 * What the unit tests expect of manifests is what kubectl makes of them: its own reading, before anything is sent. The
 * cluster has no part in it but to say which kinds there are.
 */
const lab = useLab('yaml');
const args = ['create', '--dry-run=client', '--validate=false', '--output', 'json', '--filename', '-'];

describe('kubectl', () => {
  it(
    'reads the forms of YAML as manifests are read',
    async () => {
      const taken = yamlForms.filter(
        ({ refused, onlyOurs }) => refused === undefined && onlyOurs === undefined,
      );
      const text = taken.map((form, index) => manifestOf(form, `form-${String(index)}`)).join('---\n');

      const { code, stdout, stderr } = await lab.kubectl(args, text);

      expect([code, stderr]).toEqual([0, '']);
      const read = stdout
        .split(/^(?=\{$)/m)
        .map((object) => JSON.parse(object) as Record<string, unknown>)
        .map(({ apiVersion: _version, kind: _kind, metadata: _metadata, ...fields }) => fields);
      expect(read).toEqual(taken.map(({ json }) => json));
    },
    60_000 * patience,
  );

  it.each(yamlForms.filter(({ refused, onlyOurs }) => refused !== undefined && onlyOurs === undefined))(
    'refuses $text',
    async (form) => {
      const { code, stderr } = await lab.kubectl(args, manifestOf(form));

      expect([code, stderr]).toEqual([1, expect.stringContaining('error parsing STDIN')]);
    },
  );
});

import { describe, expect, it } from '@jest/globals';
import { migrationFaults } from '../../../../src/stages/deploy/migration-faults.ts';
import { parseManifests } from '../../../../src/stages/deploy/parse-manifests.ts';

const job = (name = 'migrate', more = '') =>
  `apiVersion: batch/v1\nkind: Job\nmetadata: {name: ${name}${more}}\nspec: {template: {metadata: {labels: {app: web}}, spec: {restartPolicy: Never, containers: []}}}\n`;
const service = (namespace: string) => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace } },
  spec: { selector: { app: 'web' } },
});

/** What is wrong with a file, with the place in it. */
function faultsOf(
  text: string,
  around: Parameters<typeof migrationFaults>[1] = { objects: [], namespace: 'shop' },
) {
  const manifests = parseManifests([{ path: 'migrate.yaml', text }]);
  return migrationFaults(manifests, around).map(({ manifest, path, message }) => {
    const { line = 0, column = 0 } = manifest?.placeOf(path) ?? {};
    return `${String(line)}:${String(column)} ${message}`;
  });
}

describe('the file of a migration', () => {
  it.each<[string, string, string[]]>([
    ['one Job', job(), []],
    ['one Job that restarts its containers', job().replace('Never', 'OnFailure'), []],
    ['a Job in the namespace of the release', job('migrate', ', namespace: shop'), []],
    ['nothing', '', ['0:0 the file of the migration holds no Job']],
    [
      'no Job',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n',
      ['2:7 the file of the migration holds no Job'],
    ],
    ['several Jobs', `${job('one')}---\n${job('two')}`, ['8:18 a migration is one Job, and the file has 2']],
    [
      'another kind',
      `${job()}---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n`,
      ['7:7 Service web cannot be part of a migration'],
    ],
    [
      'another namespace',
      job('migrate', ', namespace: data'),
      ['3:38 Job migrate of the migration is in namespace data, and the release in shop'],
    ],
    [
      'a restartPolicy without an end',
      job().replace('Never', 'Always'),
      ['4:73 Job migrate has no restartPolicy that ends: it must be Never or OnFailure'],
    ],
    [
      'no restartPolicy',
      job().replace('restartPolicy: Never, ', ''),
      ['4:57 Job migrate has no restartPolicy that ends: it must be Never or OnFailure'],
    ],
    [
      'a suspended Job',
      job().replace('spec: {template', 'spec: {suspend: true, template'),
      ['4:17 Job migrate is suspended, so that it would never complete'],
    ],
  ])('may hold or not: %s', (_, text, expected) => {
    expect(faultsOf(text)).toEqual(expected);
  });

  it('has a Job whose pods no Service of the release sends requests to', () => {
    expect(faultsOf(job(), { objects: [service('shop')], namespace: 'shop' })).toEqual([
      '4:38 Service shop/web would send requests to the pods of Job migrate, by their labels',
    ]);
    expect(faultsOf(job(), { objects: [service('other')], namespace: 'shop' })).toEqual([]);
  });
});

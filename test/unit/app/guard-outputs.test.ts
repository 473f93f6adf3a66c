import { describe, expect, it } from '@jest/globals';
import { guardOutputs } from '../../../src/app/guard-outputs.ts';
import { Masker } from '../../../src/base/mask.ts';
import type { RunEvent } from '../../../src/ports/events.ts';
import type { AnyStageKind, StageContext, StageResult } from '../../../src/ports/stage.ts';

describe('what a stage puts out', () => {
  it('is kept but for values that hold a secret, which is said without the value', async () => {
    const masker = new Masker();
    masker.add(Buffer.from('correct-horse'));
    const result: StageResult = {
      outcome: 'succeeded',
      outputs: { version: '1.2', url: 'https://ci:correct-horse@example.com' },
      environment: { COLOUR: 'red', TOKEN: Buffer.from('correct-horse').toString('base64') },
    };
    const events: RunEvent[] = [];
    const context = {
      stage: { name: 'build', attempt: 1 },
      emit: (event: RunEvent) => Promise.resolve(void events.push(event)),
    } as unknown as StageContext;
    const kind: AnyStageKind = {
      definition: { key: 'run', fields: {}, scripts: ['run'], needsAgent: true },
      run: () => Promise.resolve(result),
    };

    const guarded = await guardOutputs(kind, masker).run({} as never, context);

    expect(guarded).toEqual({ ...result, outputs: { version: '1.2' }, environment: { COLOUR: 'red' } });
    expect(events.map((event) => (event.type === 'notice' ? event.message : event.type))).toEqual([
      'output url holds a secret and is left out: let later stages take the secret by its name',
      'environment TOKEN holds a secret and is left out: let later stages take the secret by its name',
    ]);
  });
});

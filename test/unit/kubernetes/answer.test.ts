import { expect, it } from '@jest/globals';
import { answerAnnotation, answerOf, answerText, type Answer } from '../../../src/kubernetes/hold-mark.ts';
import type { Workload } from '../../../src/kubernetes/workload-objects.ts';

function answerIn(text?: string): Answer | undefined {
  const annotations = text === undefined ? {} : { [answerAnnotation]: text };
  return answerOf({ metadata: { name: 'web', annotations } } as unknown as Workload);
}

it.each<[string, Answer]>([
  ['7 promote', { revision: 7, answer: 'promote' }],
  ['7 promote 3', { revision: 7, answer: 'promote', step: 3 }],
  ['7 promote full', { revision: 7, answer: 'promoteFull' }],
  ['12 abort', { revision: 12, answer: 'abort' }],
])('the answer %j is written and read', (text, answer) => {
  expect(answerText(answer)).toBe(text);
  expect(answerIn(text)).toEqual(answer);
});

it.each(['', '7', '7 promote x', '7 promotefull', 'promote 7', '7 abort now', ' 7 abort'])(
  'the text %j is no answer',
  (text) => {
    expect(answerIn(text)).toBeUndefined();
  },
);

it('is none without the annotation', () => {
  expect(answerIn()).toBeUndefined();
});

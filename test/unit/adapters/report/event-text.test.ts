import { describe, expect, it } from '@jest/globals';
import { eventText } from '../../../../src/adapters/report/event-text.ts';

describe('the text of an agent’s problem', () => {
  it.each([
    ['agent pod shop-1 was deleted by somebody', 'agent pod shop-1 was deleted by somebody'],
    ['the API server cannot be reached', 'agent pod shop-1: the API server cannot be reached'],
  ])('names the pod once: %s', (message, text) => {
    const about = { runId: '01R', at: 0, sequence: 1 };

    expect(
      eventText({ type: 'agent.problem', pod: 'shop-1', problem: 'deleted', message, ...about }),
    ).toEqual([text]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { AnsweredTime } from '../../../src/release/answered-time.ts';

function setUp() {
  let nowMs = 5000;
  const clock = { now: () => 0, monotonicMs: () => nowMs, sleep: () => Promise.resolve() };
  const time = new AnsweredTime(clock);
  return { time, pass: (ms: number) => (nowMs += ms) };
}

describe('the time of a release', () => {
  it('is what has passed while the API answered', () => {
    const { time, pass } = setUp();
    pass(1000);
    time.answered();
    pass(300);
    time.unanswered();
    pass(20);
    time.skip();
    pass(4);
    time.answered();

    expect(time.ms).toBe(1004);
  });

  it('knows for how long the API has not answered, until it does', () => {
    const { time, pass } = setUp();
    expect(time.unansweredMs).toBe(0);
    pass(1000);
    time.unanswered();
    pass(300);
    time.unanswered();
    expect(time.unansweredMs).toBe(1300);

    time.answered();

    expect(time.unansweredMs).toBe(0);
  });

  it('does not pass between two looks', () => {
    const { time, pass } = setUp();
    pass(1000);

    expect(time.ms).toBe(0);
  });
});

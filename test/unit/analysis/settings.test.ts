import { describe, expect, it } from '@jest/globals';
import { measurementOf } from '../../../src/analysis/request.ts';
import { analysisSettings, type AnalysisSettings } from '../../../src/analysis/settings.ts';

const prometheus = { address: 'http://prometheus:9090', query: 'errors' };
const release = { candidate: 'b', stable: 'a', namespace: 'shop' };

function problems(settings: object): string[] {
  const parsed = analysisSettings.safeParse(settings);
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
}

describe('settings of an analysis', () => {
  it('ask one thing', () => {
    expect(problems({ http: { url: 'http://web/' } })).toEqual([]);
    expect(problems({ prometheus, success: 'result[0] < 1' })).toEqual([]);
    expect(problems({})).toContain('needs exactly one of http, prometheus, job');
    expect(problems({ http: { url: 'http://web/' }, prometheus, success: 'true' })).toContain(
      'needs exactly one of http, prometheus, job',
    );
  });

  it('say for a query which value is good or bad', () => {
    expect(problems({ prometheus })).toEqual(['needs success or failure: when its value is good, or bad']);
  });

  it('have conditions of result alone that can be parsed', () => {
    expect(problems({ prometheus, success: 'value < 1' })).toEqual([
      'unknown name "value"; what was measured is called result',
    ]);
    expect(problems({ prometheus, success: 'result[0] <' })).toHaveLength(1);
    expect(problems({ prometheus, success: 'result.all(x, x < 1)' })).toEqual([]);
  });

  it('let neither all measurements fail, nor ask for more with data than there are', () => {
    const http = { url: 'http://web/' };
    expect(problems({ http, failureLimit: 2 })).toEqual([]);
    expect(problems({ http, failureLimit: 3 })).toHaveLength(1);
    expect(problems({ http, count: 5, failureLimit: 4, minSamples: 5 })).toEqual([]);
    expect(problems({ http, count: 5, minSamples: 6 })).toHaveLength(1);
  });

  it('have no login in a URL: it would be kept in the cluster, and shown', () => {
    const message = 'the URL must have no user and password: it is kept in the cluster';
    for (const url of ['http://me:secret@web/', 'https://me@web/', 'http://:secret@web/']) {
      expect(problems({ http: { url } })).toEqual([message]);
      expect(problems({ prometheus: { ...prometheus, address: url }, success: 'true' })).toEqual([message]);
    }
    expect(problems({ http: { url: 'http://web/@me:secret' } })).toEqual([]);
  });

  it('have headers that can be sent', () => {
    const headers = (name: string, value: string) =>
      problems({ http: { url: 'http://web/', headers: { [name]: value } } });
    expect(headers('X-Scope-OrgID', 'a b\té')).toEqual([]);
    expect(headers('x y', 'a')).toHaveLength(1);
    expect(headers('', 'a')).toHaveLength(1);
    for (const value of ['a\r\nX-B: c', 'a\nb', 'a\u0000', '€'])
      expect(headers('x', value)).toEqual(['must be one line of Latin characters']);
    const address = { ...prometheus, headers: { x: 'a\nb' } };
    expect(problems({ prometheus: address, success: 'true' })).toHaveLength(1);
  });

  it('need a condition for a query, success or failure', () => {
    expect(problems({ prometheus, failure: 'result[0] > 1' })).toEqual([]);
  });

  it('are bounded', () => {
    expect(problems({ prometheus, success: 'true', count: 101 })).toHaveLength(1);
    expect(problems({ http: { url: 'ftp://web/' } })).toHaveLength(1);
  });
});

describe('the measurement', () => {
  it('asks the new pods ten times, unless the settings say otherwise', () => {
    expect(measurementOf({ http: { url: 'http://web/' } }, release)).toEqual({
      ...{ type: 'http', url: 'http://web/', method: 'GET', headers: {}, requests: 10, timeout: '2s' },
      ...{ status: '2xx', hash: 'b', namespace: 'shop' },
    });
    const stable: AnalysisSettings = { http: { url: 'http://web/', track: 'stable', status: 204 } };
    expect(measurementOf(stable, release)).toMatchObject({ hash: 'a', status: [204] });
    expect(measurementOf({ http: { url: 'http://web/', track: 'any' } }, release)).not.toHaveProperty('hash');
  });

  it('puts the hashes of both tracks into a query, and leaves its braces alone', () => {
    const query = 'rate(errors{pod=~"web-${{ candidate.hash }}-.*"}[1m]) / x{h="${{ stable.hash }}"}';
    expect(measurementOf({ prometheus: { ...prometheus, query } }, release)).toEqual({
      ...{ type: 'prometheus', address: 'http://prometheus:9090', headers: {}, timeout: '10s' },
      query: 'rate(errors{pod=~"web-b-.*"}[1m]) / x{h="a"}',
      namespace: 'shop',
    });
  });
});

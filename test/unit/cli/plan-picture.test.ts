import { describe, expect, it } from '@jest/globals';
import { SaxesParser } from 'saxes';
import type { Preview } from '../../../src/app/plan-preview.ts';
import { planPicture } from '../../../src/cli/plan-picture.ts';

type Release = Preview['releases'][number];

function release(forecast: Release['release']['forecast'], stage = 'deploy'): Release {
  const plan = { application: 'web', namespace: 'shop', objects: [], steps: [], forecast, warnings: [] };
  return { stage, release: plan };
}

const moment = (stable: number, candidate: number, weight: number, message = '') => ({
  ...{ stable, candidate, weight, message },
});

/** The elements of a picture, whose text must be sound XML. */
function elements(svg: string | undefined) {
  const found: { name: string; attributes: Record<string, string>; text: string }[] = [];
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => found.push({ name, attributes, text: '' }));
  parser.on('text', (text) => {
    const last = found.at(-1);
    if (last !== undefined) last.text += text;
  });
  parser.on('error', (error) => {
    throw error;
  });
  parser.write(svg ?? '').close();
  return found;
}

describe('the picture of a plan', () => {
  it('has a row for each moment: the pods of both versions, the share of the traffic, and what happens', () => {
    const svg = planPicture([release([moment(3, 0, 0), moment(3, 1, 25, 'HTTPRoute web sends 25 %')])]);
    const all = elements(svg);
    const fills = all.filter(({ name }) => name === 'rect').map(({ attributes }) => attributes['fill']);
    expect(fills.filter((fill) => fill === '#8c959f')).toHaveLength(6);
    // One new pod, and the shares of both moments.
    expect(fills.filter((fill) => fill === '#2da44e')).toHaveLength(3);
    const bars = all
      .filter(({ attributes }) => attributes['height'] === '10')
      .map(({ attributes }) => attributes['width']);
    expect(bars).toEqual(['120', '0', '120', '30']);
    const texts = all.flatMap(({ name, text }) => (name === 'text' || name === 'title' ? [text.trim()] : []));
    expect(texts).toEqual([
      ...['deploy: web', 'old and new pods', 'traffic to the new'],
      ...['3 old, 0 new, 0 % of the traffic to the new', '0 %'],
      ...['3 old, 1 new, 25 % of the traffic to the new', '25 %  HTTPRoute web sends 25 %'],
    ]);
  });

  it('shows releases one below the other, and hundreds of pods within their place', () => {
    const all = elements(
      planPicture([release([moment(400, 40, 10)], 'a'), release([]), release([moment(1, 1, 50)], 'b')]),
    );
    const titles = all.filter(({ attributes }) => attributes['font-size'] === '16');
    expect(titles.map(({ text, attributes }) => [text.trim(), attributes['y']])).toEqual([
      ['a: web', '28'],
      ['b: web', '120'],
    ]);
    const rights = all
      .filter(({ attributes }) => attributes['height'] === '16')
      .map(({ attributes }) => Number(attributes['x']) + Number(attributes['width']));
    expect(Math.max(...rights)).toBeLessThan(340);
  });

  it('is sound XML whatever messages say', () => {
    const all = elements(planPicture([release([moment(1, 0, 0, 'a <b> & \u0007"c"')], '<&>')]));
    expect(all.map(({ text }) => text.trim()).filter(Boolean)).toEqual(
      expect.arrayContaining(['<&>: web', '0 %  a <b> & "c"']),
    );
  });

  it('is none where nothing comes through in steps', () => {
    expect(planPicture([release([])])).toBeUndefined();
    expect(planPicture([])).toBeUndefined();
  });
});

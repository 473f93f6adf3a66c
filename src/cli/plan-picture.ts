import type { Preview } from '../app/plan-preview.ts';

type Moments = Preview['releases'][number]['release']['forecast'];

/** Sizes in pixels. */
const row = 28;
const head = 64;
const pods = { left: 24, width: 280 };
const traffic = { left: 340, width: 120 };
const message = { left: 484, letter: 7.2 };
const colours = { old: '#8c959f', fresh: '#2da44e', rest: '#eaeef2', text: '#1f2328', quiet: '#59636e' };

/**
 * How releases come through, as an SVG: for each moment the old and new pods, and the share of the traffic that the new ones
 * get.
 * @returns undefined when none of them has a course to show
 */
export function planPicture(releases: Preview['releases']): string | undefined {
  const shown = releases.filter(({ release }) => release.forecast.length > 0);
  if (shown.length === 0) return undefined;
  let top = 0;
  const parts = shown.map(({ stage, release }) => {
    const part = releasePart(`${stage}: ${release.application}`, release.forecast, top);
    top += head + row * release.forecast.length;
    return part;
  });
  const longest = Math.max(
    ...shown.flatMap(({ release }) => release.forecast.map((each) => each.message.length)),
  );
  const width = Math.ceil(message.left + longest * message.letter + 24);
  const height = top + 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}" viewBox="0 0 ${String(width)} ${String(height)}" font-family="ui-sans-serif,system-ui,sans-serif" font-size="13" fill="${colours.text}">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function releasePart(title: string, moments: Moments, top: number): string {
  const most = Math.max(...moments.map(({ stable, candidate }) => stable + candidate), 1);
  const heading = (x: number, label: string) => text(x, top + 52, label, `fill="${colours.quiet}"`);
  return [
    text(pods.left, top + 28, title, 'font-size="16" font-weight="600"'),
    heading(pods.left, 'old and new pods'),
    heading(traffic.left, 'traffic to the new'),
    ...moments.map((moment, index) => momentRow(moment, most, top + head + index * row)),
  ].join('\n');
}

function momentRow(
  { stable, candidate, weight, message: said }: Moments[number],
  most: number,
  top: number,
): string {
  const unit = Math.min(24, pods.width / most);
  const size = Math.max(1, unit * 0.8);
  const pod = (index: number) =>
    `<rect x="${fixed(pods.left + index * unit)}" y="${fixed(top + 4)}" width="${fixed(size)}" height="16" rx="2" fill="${index < stable ? colours.old : colours.fresh}"/>`;
  const bar = (width: number, colour: string) =>
    `<rect x="${String(traffic.left)}" y="${String(top + 7)}" width="${fixed(width)}" height="10" rx="2" fill="${colour}"/>`;
  const title = `<title>${String(stable)} old, ${String(candidate)} new, ${String(weight)} % of the traffic to the new</title>`;
  return [
    `<g>${title}`,
    ...Array.from({ length: stable + candidate }, (_, index) => pod(index)),
    bar(traffic.width, colours.rest),
    bar((traffic.width * weight) / 100, colours.fresh),
    text(message.left, top + 17, `${String(weight)} %  ${said}`.trimEnd(), `fill="${colours.text}"`),
    '</g>',
  ].join('');
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" ${attributes} xml:space="preserve">${escaped(content)}</text>`;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** What XML would read otherwise, and control characters, which it does not take. */
function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\p{Cc}\p{Cs}]/gu, '');
}

import type { Endpoint } from '../network/service-types.ts';
import type { RequestLine } from './find-row.ts';
import { findRow, isValue, textOf } from './find-row.ts';
import type { Canary, Filter, Match, RouteTable, Share, Split } from './table.ts';
import { WeightedTurns } from './weighted-turns.ts';

/** What becomes of a request. */
export type Choice =
  | { act: 'forward'; endpoint: Endpoint; filters: readonly Filter[]; match: Match }
  | { act: 'redirect'; filter: Extract<Filter, { type: 'redirect' }>; match: Match }
  | { act: 'refuse'; code: 404 | 500 | 503; why: string };

/** Chooses by the newest table; knows whose turn it is. */
export interface Chooser {
  /** Every request from now on is routed by this table. */
  use(table: RouteTable): void;
  choose(request: RequestLine): Choice;
}

/** A {@link Chooser} with an empty table. */
export function createChooser(): Chooser {
  let table: RouteTable = { hosts: new Map() };
  let turns = new Map<string, WeightedTurns>();
  let endpointTurns = new Map<string, number>();

  function use(next: RouteTable): void {
    table = next;
    const rows = [...next.hosts.values()].flat();
    const splits = rows.flatMap(({ split, canary }) => [
      split,
      ...(canary === undefined ? [] : [canary.split]),
    ]);
    turns = new Map(
      splits.map((split) => {
        const key = keyOf(split);
        return [key, turns.get(key) ?? new WeightedTurns(split.shares.map(({ weight }) => weight))];
      }),
    );
    const names = new Set(splits.flatMap(({ shares }) => shares.map(({ name }) => name)));
    endpointTurns = new Map([...endpointTurns].filter(([name]) => names.has(name)));
  }

  function next(split: Split): Share | undefined {
    const index = turns.get(keyOf(split))?.next();
    return index === undefined ? undefined : split.shares[index];
  }

  function choose(request: RequestLine): Choice {
    const row = findRow(table, request);
    if (row === undefined) return { act: 'refuse', code: 404, why: 'no route' };
    const { filters, split, canary, match } = row;
    const redirect = filters.find((filter) => filter.type === 'redirect');
    if (redirect !== undefined) return { act: 'redirect', filter: redirect, match };
    const decided = canary === undefined ? undefined : decidedFor(canary, request);
    const share =
      decided === true
        ? canary?.share
        : next(decided === undefined && canary !== undefined ? canary.split : split);
    if (share === undefined) return { act: 'refuse', code: 500, why: 'no backend with a weight' };
    if (share.target.state === 'invalid')
      return { act: 'refuse', code: 500, why: `${share.name}: ${share.target.why}` };
    const { endpoints } = share.target;
    const turn = (endpointTurns.get(share.name) ?? -1) + 1;
    endpointTurns.set(share.name, turn);
    const endpoint = endpoints[turn % endpoints.length];
    if (endpoint === undefined)
      return { act: 'refuse', code: 503, why: `no ready endpoint of ${share.name}` };
    return { act: 'forward', endpoint, filters: [...filters, ...share.filters], match };
  }

  return { use, choose };
}

const keyOf = ({ key, shares }: Split): string => `${key} ${shares.map(({ weight }) => weight).join(':')}`;

/** Whether header or cookie send a request to the canary; undefined where they say nothing. */
function decidedFor({ header, cookie }: Canary, { headers }: RequestLine): boolean | undefined {
  const given = header === undefined ? undefined : textOf(headers[header.name]);
  if (header?.value !== undefined) {
    if (isValue({ value: header.value }, given)) return true;
  } else if (given === 'always' || given === 'never') return given === 'always';
  const cookies = textOf(headers['cookie'])?.split(/;\s*/) ?? [];
  if (cookie === undefined) return undefined;
  if (cookies.includes(`${cookie}=always`)) return true;
  return cookies.includes(`${cookie}=never`) ? false : undefined;
}

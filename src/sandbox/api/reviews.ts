import type { Fields } from '../kinds/fields.ts';
import { readObject } from './body.ts';
import type { ReviewKind } from './discovery.ts';
import type { Exchange } from './exchange.ts';
import { sendJson } from './exchange.ts';

/** Who a token belongs to; undefined for one that the sandbox did not give out. */
export type TokenUser = (token: string) => string | undefined;

const groupsOf = (user: string): string[] => [
  ...(user.startsWith('system:serviceaccount:') ? ['system:serviceaccounts'] : ['system:masters']),
  'system:authenticated',
];

const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };

/** The sandbox has no authorization: everybody who is known may do everything, and reviews say so. */
function statusOf(review: ReviewKind, body: Fields, user: string, userOf: TokenUser): Fields {
  switch (review.kind) {
    case 'SelfSubjectReview':
      return { userInfo: { username: user, groups: groupsOf(user) } };
    case 'TokenReview': {
      const token = (body['spec'] as Fields | undefined)?.['token'];
      const owner = typeof token === 'string' ? userOf(token) : undefined;
      return owner === undefined
        ? { authenticated: false }
        : { authenticated: true, user: { username: owner, groups: groupsOf(owner) } };
    }
    case 'SelfSubjectRulesReview':
      return {
        resourceRules: [everything],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        incomplete: false,
      };
    default:
      return { allowed: true, reason: 'the sandbox has no authorization' };
  }
}

/** POST of a review. */
export async function answerReview(exchange: Exchange, review: ReviewKind, userOf: TokenUser): Promise<void> {
  const body = await readObject(exchange.request);
  sendJson(exchange.response, 201, {
    kind: review.kind,
    apiVersion: `${review.group}/${review.version}`,
    metadata: {},
    ...(body['spec'] === undefined ? {} : { spec: body['spec'] }),
    status: statusOf(review, body, exchange.user, userOf),
  });
}

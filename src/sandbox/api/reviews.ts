import type { Fields } from '../kinds/fields.ts';
import { readObject } from './body.ts';
import type { ReviewKind } from './discovery.ts';
import type { Exchange } from './exchange.ts';
import { sendJson } from './exchange.ts';

const groupsOf = (user: string): string[] => [
  ...(user.startsWith('system:serviceaccount:') ? ['system:serviceaccounts'] : ['system:masters']),
  'system:authenticated',
];

const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };

/** The sandbox has no authorization: everybody who is known may do everything, and reviews say so. */
function statusOf(review: ReviewKind, user: string): Fields {
  switch (review.kind) {
    case 'SelfSubjectReview':
      return { userInfo: { username: user, groups: groupsOf(user) } };
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
export async function answerReview(exchange: Exchange, review: ReviewKind): Promise<void> {
  const body = await readObject(exchange.request);
  sendJson(exchange.response, 201, {
    kind: review.kind,
    apiVersion: `${review.group}/${review.version}`,
    metadata: {},
    ...(body['spec'] === undefined ? {} : { spec: body['spec'] }),
    status: statusOf(review, exchange.user),
  });
}

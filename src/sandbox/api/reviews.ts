import type { Fields } from '../kinds/fields.ts';
import { defined } from '../kinds/fields.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import type { Answer, ApiRequest } from './request.ts';
import { objectIn } from './request.ts';

const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], nonResourceURLs: ['*'] };

/** The sandbox has no authorization: everybody who is known may do everything, and reviews say so. */
function statusOf(kind: string, user: string): Fields {
  const own = user.startsWith('system:serviceaccount:') ? 'system:serviceaccounts' : 'system:masters';
  switch (kind) {
    case 'SelfSubjectReview':
      return { userInfo: { username: user, groups: [own, 'system:authenticated'] } };
    case 'SelfSubjectRulesReview': {
      const { nonResourceURLs, verbs, ...resources } = everything;
      return {
        resourceRules: [{ verbs, ...resources }],
        nonResourceRules: [{ verbs, nonResourceURLs }],
        incomplete: false,
      };
    }
    default:
      return { allowed: true, reason: 'the sandbox has no authorization' };
  }
}

/** POST of a review: of oneself, the only ones that the sandbox has. */
export function review(request: ApiRequest): Answer {
  const { kind, user } = request;
  const { spec } = objectIn(request);
  const type = { kind: kind.kind, apiVersion: apiVersionOf(kind) };
  return {
    code: 201,
    body: { ...type, metadata: {}, ...defined({ spec }), status: statusOf(kind.kind, user) },
  };
}

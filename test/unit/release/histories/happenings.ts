import { holdAnnotation, type Answer } from '../../../../src/kubernetes/hold-mark.ts';
import { withoutHash } from '../../../../src/kubernetes/replica-sets.ts';
import { answerRelease } from '../../../../src/release/answer.ts';
import { referenceOf, type Workload } from '../../../../src/kubernetes/workload-objects.ts';
import { route } from '../routed-world.ts';
import { detachRelease, liftPause, pauseRelease } from '../../../../src/release/pause.ts';
import { recordOf } from '../release-courses.ts';
import { liveState } from '../blue-green-world.ts';
import type { World } from '../release-world.ts';

/** At a call of any runner to the API, in the middle of it; or so many virtual milliseconds after the release has begun. */
export type Moment = { call: number } | { afterMs: number };

/** What others do while a release is in progress. */
export type Happening = { when: Moment } & (
  | { type: 'answer'; answer: Answer['answer'] }
  /** Commands of a person by which a release stands still, or continues. */
  | { type: 'stand'; word: StandWord }
  | { type: 'scale'; replicas: number }
  /**
   * kubectl set image, rollout undo, rollout resume; the annotation of the release is taken off; the selector of the
   * Service, or the backends of the route are what the manifest says.
   */
  | { type: 'setImage' | 'undo' | 'resume' | 'unmark' | 'select' | 'reroute' }
);

/** `unpause`: what `pipeline release resume` does to a paused release whose runner lives. */
export type StandWord = 'pause' | 'unpause' | 'detach';

/** The types that no release can be asked to survive: it may halt. */
export const foreignTypes: readonly Happening['type'][] = [
  ...(['setImage', 'undo', 'resume', 'unmark', 'select', 'reroute'] as const),
];

const namespace = 'shop';
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace };
const service = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace };
const revision = 'deployment.kubernetes.io/revision';

/** Lets something happen now. What cannot be done now, such as an answer that no release takes, is not done. */
export function happen(happening: Happening, world: World): void {
  const { cluster } = world;
  switch (happening.type) {
    case 'answer':
      void answer(happening.answer, world);
      return;
    case 'stand':
      void stand(happening.word, world);
      return;
    case 'scale':
      cluster.change(deployment, { spec: { replicas: happening.replicas } });
      return;
    case 'setImage':
      cluster.change(deployment, {
        spec: { template: { spec: { containers: [{ name: 'web', image: 'v9' }] } } },
      });
      return;
    case 'undo':
      undo(world);
      return;
    case 'resume':
      if (liveState(world).deployment?.spec.paused === true)
        cluster.change(deployment, { spec: { paused: null } });
      return;
    case 'unmark':
      cluster.change(deployment, { metadata: { annotations: { [holdAnnotation]: null } } });
      return;
    case 'select':
      cluster.change(service, { spec: { selector: { 'pod-template-hash': null } } });
      return;
    case 'reroute':
      cluster.change(referenceOf(route), { spec: route.spec });
  }
}

/** Answers the release in progress, where it takes the answer. */
export async function answer(given: Answer['answer'], { cluster }: World): Promise<void> {
  const request = { cluster, application: 'web', namespace, answer: given };
  await answerRelease(request, { signal: new AbortController().signal }).catch(() => undefined);
}

/** Milliseconds between two tries of a person, and how often one tries. */
const tryAgain = { everyMs: 500, times: 20 } as const;

/** Pauses the release of v2, lifts its pause or has its runner leave it, as soon as it takes that. */
async function stand(word: StandWord, world: World): Promise<void> {
  const { cluster, clock } = world;
  const { signal } = new AbortController();
  const request = { cluster, application: 'web', namespace, by: 'ann@desk' };
  const commands = {
    pause: () => pauseRelease({ ...request, at: clock.now() }, { signal }),
    unpause: () => liftPause(request, { signal }),
    detach: () => detachRelease(request, { signal }),
  };
  for (let tried = 0; tried < tryAgain.times; tried += 1) {
    const { current } = recordOf(world);
    if (current !== undefined && current.revision !== 2) return;
    const isTaken = await commands[word]().then(
      () => true,
      () => false,
    );
    if (isTaken) return;
    await clock.sleep(tryAgain.everyMs, { signal });
  }
}

/** As kubectl does: the template and annotations of the revision before; refused for a paused Deployment. */
function undo({ cluster }: World): void {
  const live = cluster.peek<Workload>(deployment);
  if (live === undefined || live.spec.paused === true) return;
  const numberOf = (set: Workload) => Number(set.metadata.annotations?.[revision] ?? 0);
  const [, before] = cluster.all<Workload>('ReplicaSet').sort((a, b) => numberOf(b) - numberOf(a));
  if (before?.spec.template === undefined) return;
  const annotations: Record<string, string | null> = {};
  for (const key of Object.keys(live.metadata.annotations ?? {}))
    if (!key.startsWith(skipped)) annotations[key] = null;
  for (const [key, value] of Object.entries(before.metadata.annotations ?? {}))
    if (!key.startsWith(skipped)) annotations[key] = value;
  cluster.change(deployment, {
    metadata: { annotations },
    spec: { template: withoutHash(before.spec.template) },
  });
}

/** Annotations of the controller, which kubectl takes from no ReplicaSet. */
const skipped = 'deployment.kubernetes.io/';

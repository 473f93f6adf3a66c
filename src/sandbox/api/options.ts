import type { ObjectStore } from '../store/create-objects.ts';
import type { Credentials } from './credentials.ts';
import type { PodStreams } from './pod-streams.ts';

/** What the API server needs. `streams` gives nothing while no kubelet runs; logs and exec are then refused. */
export interface ApiServerOptions {
  objects: ObjectStore;
  credentials: Credentials;
  streams: () => PodStreams | undefined;
  /** Whether everything that answers requests has started, for `/readyz`. */
  isReady: () => boolean;
}

import type { StageDefinition } from '../ports/stage.ts';
import { checkoutDefinition } from '../stages/checkout/definition.ts';
import { deployDefinition } from '../stages/deploy/definition.ts';
import { imageDefinition } from '../stages/image/definition.ts';
import { runDefinition } from '../stages/run/definition.ts';
import { verifyDefinition } from '../stages/verify/definition.ts';

/** Every kind of stage that a file may hold; nothing that runs one is loaded. */
export const stageDefinitions: readonly StageDefinition[] = [
  checkoutDefinition,
  runDefinition,
  imageDefinition,
  deployDefinition,
  verifyDefinition,
];

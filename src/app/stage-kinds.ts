import { InternalError } from '../base/errors.ts';
import type { AnyStageKind } from '../ports/stage.ts';
import { checkoutStage, type CheckoutDependencies } from '../stages/checkout/checkout-stage.ts';
import { deployStage } from '../stages/deploy/deploy-stage.ts';
import type { DeployDependencies } from '../stages/deploy/run-deploy.ts';
import { imageStage, type ImageDependencies } from '../stages/image/image-stage.ts';
import { verifyStage, type VerifyDependencies } from '../stages/verify/verify-stage.ts';
import { runStage, type RunDependencies } from '../stages/run/run-stage.ts';

/** What all kinds of stages need together. */
export interface StageDependencies {
  checkout: CheckoutDependencies;
  run: RunDependencies;
  image: ImageDependencies;
  deploy: DeployDependencies;
  verify: VerifyDependencies;
}

/** Every kind of stage that a file may hold, ready to run. */
export function stageKinds(dependencies: StageDependencies): AnyStageKind[] {
  return [
    checkoutStage(dependencies.checkout),
    runStage(dependencies.run),
    imageStage(dependencies.image),
    deployStage(dependencies.deploy),
    verifyStage(dependencies.verify),
  ];
}

/** The kinds for reading a file: their `run` is not to be called. */
export function stageKindsForReading(): AnyStageKind[] {
  return stageKinds({
    checkout: unusable('checkout'),
    run: unusable('run'),
    image: unusable('image'),
    deploy: unusable('deploy'),
    verify: unusable('verify'),
  });
}

/** Stands for dependencies that are not there: reading any of them is a fault of our own. */
function unusable(kind: string): never {
  return new Proxy({} as never, {
    get: (_target, property) => {
      throw new InternalError(
        `stage kind ${kind} was made for reading files, but ${String(property)} of it was used`,
      );
    },
  });
}

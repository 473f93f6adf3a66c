import { version } from '../base/version.ts';

/** The image of stages when the file names no container; built from agent-image/Dockerfile. */
export const defaultAgentImage = `slipway/agent:${version}`;

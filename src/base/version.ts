import packageJson from '../../package.json' with { type: 'json' };

/** Slipway's own version. */
export const version: string = packageJson.version;

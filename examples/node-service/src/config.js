/**
 * Reads the settings from environment variables, which the ConfigMap fills.
 * @throws Error that names every setting that is missing or wrong
 */
export function readConfig(environment) {
  const problems = [];
  const currency = environment.CURRENCY ?? '';
  if (!/^[A-Z]{3}$/.test(currency))
    problems.push(`CURRENCY must be three capital letters, not "${currency}"`);
  const taxPercent = Number(environment.TAX_PERCENT);
  if (!(taxPercent >= 0 && taxPercent <= 100)) problems.push('TAX_PERCENT must be a number from 0 to 100');
  if (problems.length > 0) throw new Error(problems.join('; '));
  return { currency, taxPercent, port: Number(environment.PORT ?? 8080) };
}

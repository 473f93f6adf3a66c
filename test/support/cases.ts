/**
 * How many cases a property is tried with: as many as it asks for, but no more than TEST_CASES says. Mutation testing
 * runs each property for each mutant and sets it.
 */
export function cases(wanted: number): number {
  const most = Number(process.env['TEST_CASES'] ?? '');
  return most > 0 ? Math.min(wanted, most) : wanted;
}

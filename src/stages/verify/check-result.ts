/** What came of one attempt. */
export interface CheckResult {
  passed: boolean;
  /** One line: what answered, or what was expected and what was got. */
  message: string;
}

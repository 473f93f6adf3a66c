type Outputs = Readonly<Record<string, string>>;

/**
 * The labels that every image gets where the checkout tells them:
 * https://github.com/opencontainers/image-spec/blob/main/annotations.md
 * @param outputs what the earlier stages put out; the last one with a `sha` is the checkout
 */
export function sourceLabels(outputs: Readonly<Record<string, Outputs>>): Record<string, string> {
  const checkout = Object.values(outputs).findLast((stage) => (stage['sha'] ?? '') !== '');
  if (checkout === undefined) return {};
  const labels = {
    'org.opencontainers.image.revision': checkout['sha'],
    'org.opencontainers.image.version': checkout['tag'],
    'org.opencontainers.image.source': withoutLogin(checkout['url'] ?? ''),
  };
  return Object.fromEntries(
    Object.entries(labels).flatMap(([key, value]) =>
      value === undefined || value === '' ? [] : [[key, value]],
    ),
  );
}

/** A URL that somebody put a password into does not carry it into the image. */
function withoutLogin(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1');
}

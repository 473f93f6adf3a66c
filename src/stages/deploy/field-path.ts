/** A field as the API writes it: `.spec.ports[0].name`, `spec.containers[name="web"].env`, `data[a/b]`. */
const fieldPath = /(?:^|[\s[])(\.?[A-Za-z_]\w*(?:\.[\w$-]+|\[(?:[^\]"]|"[^"]*")*\])+|\.[A-Za-z_]\w*): /;
const unknownField = /unknown field "([^"]+)"/;
const segment = /\.?([\w$-]+)|\[(\d+)\]|\[((?:[^\]"]|"[^"]*")*)\]/g;

/** Where in the object the field is that a refusal or a warning of the API names; empty when it names none. */
export function fieldPathIn(message: string, object: unknown): (string | number)[] {
  const written = (unknownField.exec(message) ?? fieldPath.exec(message))?.[1];
  if (written === undefined) return [];
  const path: (string | number)[] = [];
  let value: unknown = object;
  for (const [, name, index, key] of written.matchAll(segment)) {
    const part = name ?? (index === undefined ? keyed(value, key ?? '') : Number(index));
    if (part === undefined) break;
    path.push(part);
    value = (value as Record<string | number, unknown> | null | undefined)?.[part];
  }
  return path;
}

/** What `[name="web",protocol="TCP"]` means in a list, and `[a/b]` in an object. */
function keyed(value: unknown, key: string): string | number | undefined {
  if (!Array.isArray(value)) return key;
  const wanted = [...key.matchAll(/(\w+)=(?:"([^"]*)"|([^,]*))/g)];
  const index = value.findIndex((item: unknown) =>
    wanted.every(([, field = '', quoted, plain]) => {
      const found = (item as Record<string, unknown> | null)?.[field];
      return found === undefined ? field === 'protocol' : textOf(found) === (quoted ?? plain);
    }),
  );
  return index === -1 ? undefined : index;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

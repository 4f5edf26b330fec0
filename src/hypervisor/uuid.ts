/**
 * A uuid's text of its 32 hexadecimal digits. Joined, for V8 then makes one flat string. One put together by `+` or a template stays a
 * tree of its parts for some who hold it when it has become flat for others, and these are compared letter by letter: uuids are looked
 * for a dozen times a guest and tick.
 */
export function uuidText(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

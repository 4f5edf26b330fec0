const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
};

/** Text as the content of an XML element or attribute. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>'"]/g, character => ENTITIES[character] ?? character);
}

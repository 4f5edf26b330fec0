/** Prints what a lab test measured. Times are shown, never asserted: they are this machine's. */
export function report(title: string, figures: Readonly<Record<string, number>>): void {
  const lines = Object.entries(figures).map(([name, value]) => `  ${name}: ${Number(value.toFixed(3))}`);
  process.stdout.write(`\n${title}\n${lines.join('\n')}\n`);
}

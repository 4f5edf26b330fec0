import type { CompiledGuest } from './compile-guest.ts';
import { type Diagnostic, type LintCode, type Place, warningAt } from './source/diagnostics.ts';
import { keyPlace, type Path } from './source/locate.ts';

export function warn(place: Place, code: LintCode, message: string, hint: string): Diagnostic {
  return warningAt(place, code, message, { hint });
}

export function placeIn({ compiling }: CompiledGuest, path: Path): Place {
  return keyPlace(compiling.document, path);
}

import type { Played } from './errors.ts';
import { readRecording } from './recording.ts';
import { type Fit, replay } from './replay.ts';
import { SCRIPTS } from './script.ts';

/** Every script, as it was recorded and as the model plays it. */
export function playAll(fit?: Fit): Played[] {
  return SCRIPTS.map(script => {
    const recording = readRecording(script.name);
    return { script, recording, model: replay(script, recording, fit) };
  });
}

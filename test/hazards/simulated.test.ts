/** The hazards of guests that run, on simulated ones, in virtual time. */
import { hazardsOfGuests } from './guests.ts';
import { idle, simulatedWorld } from './simulated-world.ts';

hazardsOfGuests('simulated', () =>
  simulatedWorld([
    idle('worker'),
    idle('auto', { autodeflate: true, freePageReporting: true }),
    idle('bare', { balloon: 'none' }),
  ]),
);

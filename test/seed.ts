/** The seed of all property tests: fixed in CI, so that a run there can be had again; BALLONET_SEED chooses another; else random. */
import fc from 'fast-check';

const { BALLONET_SEED, CI } = process.env;
const seed = BALLONET_SEED ?? (CI === undefined || CI === '' ? undefined : '20260105');
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });

// Loaded into a daemon before its own code (`node --expose-gc --import`): answers what its heap holds, and sets its wall clock.
// The daemon's code knows nothing of it.
import { getHeapStatistics } from 'node:v8';

const now = Date.now;
let offset = 0;
Date.now = () => now() + offset;

process.on('message', ({ id, stepSeconds }) => {
  if (stepSeconds !== undefined) offset += stepSeconds * 1000;
  // Twice: what the first leaves to finalisers goes with the second.
  global.gc();
  global.gc();
  // Not process.memoryUsage(): that opens a file, and a daemon may be out of descriptors.
  process.send({ id, heapBytes: getHeapStatistics().used_heap_size });
});
// It must not keep a daemon alive that wants to end.
process.channel.unref();

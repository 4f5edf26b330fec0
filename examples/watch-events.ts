/** Moves one balloon and prints what is heard of it, until the guest has followed: `watch-events URI GUEST MIB`. */
import { connect, type HypervisorEvent } from 'ballonet';
import { filter, firstValueFrom, tap, timeout } from 'rxjs';

const [uri = 'sim:///overcommitted', name = 'web-1', size = '1024'] = process.argv.slice(2);
const targetKib = Number(size) * 1024;
const hypervisor = await connect(uri);
try {
  const guest = await hypervisor.lookup(name);
  const followed = firstValueFrom(
    hypervisor.events.pipe(
      filter((event: HypervisorEvent) => event.domain.uuid === guest.uuid),
      tap(event => console.log(event.type === 'lifecycle' ? event.kind : event.type)),
      filter(event => event.type === 'balloon' && event.actualKib === targetKib),
      timeout(30_000),
    ),
  );
  // The call returns when the request was taken; that the guest followed is what the event tells.
  const [event] = await Promise.all([followed, guest.setMemory(targetKib, { live: true })]);
  if (event.type === 'balloon') console.log(`${name} has ${event.actualKib / 1024} MiB`);
} finally {
  await hypervisor.close();
}

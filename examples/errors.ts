/** What calls fail with: one class, a code to decide by, libvirt's own number beside it. `errors URI` */
import { BallonetError, connect, isBallonetError } from 'ballonet';

const hypervisor = await connect(process.argv[2] ?? 'sim:///overcommitted');
try {
  const [guest] = await hypervisor.domains({ active: true });
  if (!guest) throw new Error('no guest runs');
  const { maxMemKib } = await guest.info();
  await report(() => guest.setMemory(maxMemKib + 1, { live: true }));
  await report(() => hypervisor.lookup('nobody'));
} finally {
  await hypervisor.close();
}
await report(() => hypervisor.domains());

async function report(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof BallonetError)) throw error;
    const missing = isBallonetError(error, 'DOMAIN_NOT_FOUND') ? ', so there is no such guest' : '';
    console.log(`${error.code} (libvirt: ${error.hypervisorCode ?? 'nothing'})${missing}`);
  }
}

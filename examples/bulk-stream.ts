/** A stream of all guests' statistics, a record a guest and second, in one call each: `bulk-stream URI [SECONDS]`. */
import { connect, type DomainStats, isTransient } from 'ballonet';
import { catchError, EMPTY, exhaustMap, from, lastValueFrom, type Observable, take, tap, timer } from 'rxjs';

const [uri = 'sim:///overcommitted', seconds = '2'] = process.argv.slice(2);
const hypervisor = await connect(uri, { readOnly: true, reconnect: true, callTimeout: 5 });

const records: Observable<DomainStats[]> = timer(0, 1000).pipe(
  // A call that takes longer than a second makes the next one wait instead of doubling it.
  exhaustMap(() =>
    from(hypervisor.allDomainStats({ groups: ['state', 'balloon'] })).pipe(
      // A lost connection comes back by itself; anything else is an error of this program.
      catchError((error: unknown) => {
        if (!isTransient(error)) throw error;
        return EMPTY;
      }),
    ),
  ),
  take(Number(seconds)),
  tap(all => {
    const held = all.reduce((sum, { params }) => sum + Number(params.get('balloon.current') ?? 0), 0);
    console.log(`${all.length} guests hold ${(held / 2 ** 20).toFixed(1)} GiB`);
  }),
);
try {
  await lastValueFrom(records);
} finally {
  await hypervisor.close();
}

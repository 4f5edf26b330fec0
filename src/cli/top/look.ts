/** One look at the daemon. */
import type { ApiClient } from '../../api/client.ts';
import { ROUTES } from '../../api/routes.ts';
import { isBallonetError } from '../../model/errors.ts';
import type { Row } from './columns.ts';
import type { Sight } from './view.ts';

/** @throws BallonetError DAEMON_UNREACHABLE, DAEMON_DENIED and what else the client throws */
export async function look(client: ApiClient): Promise<Sight> {
  const [status, guests] = await Promise.all([client.call(ROUTES.status), guestsOf(client)]);
  return { at: Date.now() / 1000, status, guests };
}

/** None before the daemon's first tick. */
async function guestsOf(client: ApiClient): Promise<readonly Row[]> {
  try {
    return (await client.call(ROUTES.guests)).items;
  } catch (error) {
    if (isBallonetError(error, 'DAEMON_NOT_READY')) return [];
    throw error;
  }
}

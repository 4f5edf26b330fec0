/** Which sockets a `qmp:` URI names. */
import { BallonetError } from '../../model/errors.ts';

/** How the name of a QMP socket in a folder ends; the rest is the guest's name where QEMU was given none. */
export const SOCKET_SUFFIX = '.qmp';

const FORMS = 'qmp:///FOLDER (of sockets NAME.qmp) and qmp:///PATH/NAME.qmp';

/** libvirt's own monitors: to take one means that libvirtd cannot have it when it restarts, and it then gives the guest up. */
const LIBVIRT_MONITOR = /\/libvirt\/qemu\/|\/libvirt\/qemu$/;

/**
 * The path that a URI such as `qmp:///run/vms` names.
 *
 * @throws BallonetError URI_INVALID
 */
export function pathOfUri(uri: string): string {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.protocol !== 'qmp:') throw invalid(uri, 'it is no qmp: URI');
  if (url.host !== '' || url.username !== '')
    throw invalid(uri, 'it names a host; a path begins with a third slash');
  if (url.search !== '') throw invalid(uri, 'it has parameters, and there are none');
  if (url.hash !== '') throw invalid(uri, 'it has a fragment');
  let path: string;
  try {
    path = decodeURIComponent(url.pathname);
  } catch (cause) {
    throw invalid(uri, 'its escapes cannot be read', cause);
  }
  const trimmed = path.replace(/\/+$/, '');
  if (!trimmed.startsWith('/') || trimmed.includes('\0')) throw invalid(uri, 'it has no path');
  if (LIBVIRT_MONITOR.test(trimmed))
    throw invalid(uri, "the monitors there are libvirt's own; use qemu:///system");
  return trimmed;
}

function invalid(uri: string, why: string, cause?: unknown): BallonetError {
  return new BallonetError(
    'URI_INVALID',
    `cannot use the URI '${uri}': ${why}. Known forms: ${FORMS}`,
    cause === undefined ? {} : { cause },
  );
}

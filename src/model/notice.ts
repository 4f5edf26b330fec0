/** What happens that an operator may want to know of, beside the decisions: one table, for the log, the API and the docs. */

interface NoticeKind {
  readonly severity: 'info' | 'warn' | 'error';
  /** The `msg` of its log line. */
  readonly message: string;
  /** What it means, for the reference page. */
  readonly help: string;
}

export const NOTICES = {
  CERTIFICATE_RELOADED: {
    severity: 'info',
    message: 'certificate read anew',
    help: 'SIGHUP: new connections to `--listen` get the certificate, key and client authority as they stand on disk. `until` is when the certificate runs out.',
  },
  CERTIFICATE_REFUSED: {
    severity: 'error',
    message: 'certificate refused: the old one stays',
    help: 'SIGHUP: certificate, key or client authority of `--listen` cannot be used; `problem` says why.',
  },
  GUEST_APPEARED: {
    severity: 'info',
    message: 'guest appeared',
    help: 'A guest runs that was not there at the last tick.',
  },
  GUEST_RESTARTED: {
    severity: 'info',
    message: 'guest began anew',
    help: 'The figures of a guest begin anew: it rebooted, was reset, or its balloon driver came back.',
  },
  GUEST_GONE: { severity: 'info', message: 'guest gone', help: 'A guest is no longer there.' },
  GUEST_HELD: {
    severity: 'warn',
    message: 'guest held',
    help: 'A guest cannot be moved; `reason` is the code of the obstacle.',
  },
  GUEST_MOVABLE: {
    severity: 'info',
    message: 'guest can be moved again',
    help: 'The obstacle of a GUEST_HELD is gone.',
  },
  GUEST_PAUSED: {
    severity: 'info',
    message: 'guest paused',
    help: 'An operator paused a guest: `by` says who, `why` for what reason.',
  },
  GUEST_RESUMED: {
    severity: 'info',
    message: 'guest resumed',
    help: 'An operator ended the pause of a guest.',
  },
  GUEST_RELEASED: {
    severity: 'info',
    message: 'guest released',
    help: 'An operator gave a guest its maximum back; it is paused from then on.',
  },
  PAUSE_OVER: { severity: 'info', message: 'pause over', help: 'The pause of a guest ended by itself.' },
  PRESSURE_LEVEL: {
    severity: 'info',
    message: 'host pressure level',
    help: 'The host entered another pressure level.',
  },
  HOST_UNKNOWN: {
    severity: 'warn',
    message: 'host memory is not known: nothing moves',
    help: "The host's own memory cannot be read, so nothing is moved.",
  },
  HOST_INSUFFICIENT: {
    severity: 'warn',
    message: 'the guarantees do not fit in the host',
    help: 'The guaranteed minima of the guests exceed what the host has for them. They are kept; the host is short.',
  },
  HOST_CUT: {
    severity: 'info',
    message: 'the host cannot give every guest its target',
    help: 'The targets of the guests do not fit in the host; they are cut by priority and shares.',
  },
  TICK_FAILED: {
    severity: 'error',
    message: 'tick failed: balloons stay as they are',
    help: 'The hypervisor could not be asked. Said for the first failed tick of a row.',
  },
  TICKS_RESUMED: {
    severity: 'info',
    message: 'ticks resumed',
    help: 'The first good tick after failed ones.',
  },
  SAFETY_HOLD: {
    severity: 'warn',
    message: 'safety hold: nothing shrinks',
    help: 'Three ticks in a row failed: nothing is shrunk until three in a row have succeeded.',
  },
  SAFETY_OVER: { severity: 'warn', message: 'safety hold over', help: 'The safety hold has ended.' },
  HYPERVISOR_LOST: {
    severity: 'warn',
    message: 'hypervisor lost: balloons stay as they are',
    help: 'The connection to the hypervisor ended. The daemon keeps trying.',
  },
  HYPERVISOR_BACK: {
    severity: 'info',
    message: 'hypervisor is back: collecting anew',
    help: 'The connection to the hypervisor is there again.',
  },
  OWNER_CONFLICT: {
    severity: 'error',
    message: 'another Ballonet moves this guest: it is left alone',
    help: "Another daemon renews its lease in the guest's metadata: `host` says where it runs, `owner` which state folder it has. This one leaves the guest alone until that lease has run out. Stop one of the two.",
  },
  STATE_UNWRITTEN: {
    severity: 'error',
    message: 'the state cannot be written: control goes on',
    help: 'The state folder refuses writes (a full disk, no file descriptor). A daemon that starts now would know nothing of what this one asked since.',
  },
  STATE_WRITTEN: {
    severity: 'info',
    message: 'the state is written again',
    help: 'A STATE_UNWRITTEN is over.',
  },
  SOURCE_FAILED: {
    severity: 'warn',
    message: 'source failed',
    help: 'A source of figures (a file, one guest) cannot be read; its figures are missing.',
  },
  SOURCE_BACK: { severity: 'info', message: 'source is back', help: 'A source of figures works again.' },
  JOURNAL_FAILED: {
    severity: 'error',
    message: 'the journal is not written: control goes on',
    help: 'The journal cannot be written, or its folder belongs to another daemon. `problem` says why; a full disk is tried again every minute.',
  },
  JOURNAL_BACK: {
    severity: 'info',
    message: 'the journal is written again',
    help: 'The journal can be written again; what happened in between is missing from it.',
  },
  POLICIES_RELOADED: {
    severity: 'info',
    message: 'policies reloaded',
    help: 'Another policy set is in force.',
  },
  POLICY_WARNING: {
    severity: 'warn',
    message: 'policy warning',
    help: 'Something in the policies is allowed and probably not meant, as `ballonet check` says it. Told at the start and after a reload.',
  },
  WATCH_FAILED: {
    severity: 'warn',
    message: 'policy files are not watched: SIGHUP and reload still read them anew',
    help: 'The system does not let the daemon watch its policy files.',
  },
  RELOAD_REFUSED: {
    severity: 'error',
    message: 'reload refused: the running policies stay in force',
    help: 'The policy files have errors, or ask for what needs a restart. Nothing has changed.',
  },
} as const satisfies Record<string, NoticeKind>;

type NoticeType = keyof typeof NOTICES;

export interface Notice {
  readonly type: NoticeType;
  /** Name and uuid of the guest it is about. */
  readonly domain?: string | undefined;
  readonly uuid?: string | undefined;
  /** What else there is to say: amounts in bytes, with names that end in `Bytes`. */
  readonly fields?: Readonly<Record<string, string | number | undefined>>;
  /** What went wrong. */
  readonly error?: unknown;
}

/** What a procedure sees of the client that calls it. */
import type { Hypervisor } from '../driver.ts';
import type { EventCallbacks } from './callbacks.ts';
import type { Machine } from './machine.ts';

/** What CONNECT_OPEN was told. */
export interface Opened {
  readonly uri: string;
  readonly readOnly: boolean;
}

export interface Session {
  readonly hypervisor: Hypervisor;
  readonly machine: Machine;
  readonly callbacks: EventCallbacks;
  readonly opened: Opened | undefined;
  /** The client wants to know when the hypervisor is lost. */
  closeCallback: boolean;
  open(opened: Opened): void;
  /** The client has asked for the keepalive feature, and is pinged from now on. */
  startKeepalive(): void;
  /** Ends the connection when the reply to this call has gone out. */
  endAfterReply(): void;
}

/** The table of differences between drivers, each with its reason. A driver that differs where the table does not say so fails. */
import type { Answer } from './answers.ts';
import type { CheckId } from './checks.ts';
import type { DriverName } from './subject.ts';

interface Difference {
  readonly answer: Answer;
  readonly why: string;
}

type Row = Readonly<Partial<Record<DriverName, Difference>>>;

const NONE_OFF = 'a guest is known by its QEMU: one that does not run is not known at all';
const OPERATION_INVALID =
  "libvirt's error 55 (operation invalid) is also that of a domain that does not run, so nothing more is known";
const BULK_STATE = 'it has the group `state` only';
const SIMULATED_HOST = 'its guests use memory of a host that is simulated too';
const SERVED_NODE = 'libvirt has no such figure';

const REFUSED_BARE: Difference = { answer: 'OPERATION_REFUSED', why: OPERATION_INVALID };
const notFoundOff = (answer: Answer): Row => ({ qmp: { answer, why: NONE_OFF } });

export const DIFFERENCES: Readonly<Partial<Record<CheckId, Row>>> = {
  'list-all': notFoundOff(['bare', 'guest']),
  'list-inactive': notFoundOff([]),
  'info-off': notFoundOff('DOMAIN_NOT_FOUND'),
  'xml-balloon': notFoundOff(['virtio', 'none', 'DOMAIN_NOT_FOUND']),
  'stats-off': notFoundOff(['DOMAIN_NOT_FOUND']),
  'bulk-off': {
    ...notFoundOff(['no record']),
    'libvirt-test': { answer: ['state.state', 'state.reason'], why: BULK_STATE },
  },
  'set-off': notFoundOff('DOMAIN_NOT_FOUND'),
  'period-off': notFoundOff(Array<string>(3).fill('DOMAIN_NOT_FOUND')),
  'lookup-number': { qmp: { answer: 'undefined', why: 'there is no libvirt that could give one' } },
  node: {
    'libvirt-test': { answer: 'OPERATION_UNSUPPORTED', why: 'it does not have the call' },
    qmp: {
      answer: ['totalKib', 'freeKib', 'buffersKib', 'cachedKib', 'availableKib'],
      why: 'it reads /proc/meminfo itself, which also has MemAvailable; libvirt leaves that out',
    },
    simulated: {
      answer: ['totalKib', 'freeKib', 'buffersKib', 'cachedKib', 'availableKib'],
      why: `the model knows it; ${SERVED_NODE}`,
    },
  },
  version: {
    qmp: { answer: 'QEMU N.N.N', why: 'each says what it is' },
    simulated: { answer: 'simulated host', why: 'each says what it is' },
  },
  local: {
    'libvirt-test': { answer: 'no', why: 'its guests use no memory' },
    simulated: { answer: 'no', why: SIMULATED_HOST },
    served: { answer: 'no', why: SIMULATED_HOST },
  },
  'stats-bare': {
    'libvirt-test': { answer: [], why: 'its guests are no processes, so they have no resident memory' },
  },
  'stats-fresh': { 'libvirt-test': { answer: 'no', why: 'its figures are constants' } },
  bulk: { 'libvirt-test': { answer: ['state.state', 'state.reason'], why: BULK_STATE } },
  'bulk-bare': { 'libvirt-test': { answer: ['state.state', 'state.reason'], why: BULK_STATE } },
  'bulk-sizes': { 'libvirt-test': { answer: 'it has neither', why: BULK_STATE } },
  'set-live': { 'libvirt-test': { answer: ['info', 'actual', 'back'], why: BULK_STATE } },
  'set-event': { 'libvirt-test': { answer: 'there is none', why: 'it has no balloon events' } },
  'set-bare': {
    'libvirt-qemu': REFUSED_BARE,
    'libvirt-test': { answer: 'ok', why: 'it does not look for the device' },
    served: REFUSED_BARE,
  },
  'period-bare': {
    'libvirt-qemu': REFUSED_BARE,
    'libvirt-test': REFUSED_BARE,
    served: REFUSED_BARE,
  },
  'events-reboot': {
    'libvirt-test': {
      answer: ['not told', 'the same'],
      why: 'it has no reboot events',
    },
  },
};

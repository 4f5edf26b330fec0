import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../model/errors.ts';
import { fromRemoteError } from './remote-error.ts';

describe('an error of libvirt', () => {
  it.each<[number, ErrorCode]>([
    [1, 'OPERATION_REFUSED'],
    [3, 'OPERATION_UNSUPPORTED'],
    [5, 'HYPERVISOR_UNREACHABLE'],
    [8, 'OPERATION_REFUSED'],
    [29, 'OPERATION_DENIED'],
    [39, 'OPERATION_UNSUPPORTED'],
    [42, 'DOMAIN_NOT_FOUND'],
    [45, 'HYPERVISOR_DENIED'],
    [55, 'OPERATION_REFUSED'],
    [68, 'OPERATION_BUSY'],
    [74, 'OPERATION_UNSUPPORTED'],
    [88, 'OPERATION_DENIED'],
    [9999, 'OPERATION_REFUSED'],
  ])('with code %i is %s', (code, expected) => {
    expect(fromRemoteError({ code, message: 'its words' })).toMatchObject({
      code: expected,
      hypervisorCode: code,
    });
  });

  it('keeps libvirt’s own words', () => {
    expect(fromRemoteError({ code: 55, message: 'domain is not running' }).message).toContain(
      'domain is not running',
    );
  });

  it('means what the procedure says where it says so', () => {
    expect(fromRemoteError({ code: 8, message: '' }, { 8: 'VALUE_OUT_OF_RANGE' }).code).toBe(
      'VALUE_OUT_OF_RANGE',
    );
    expect(fromRemoteError({ code: 1, message: '' }, {}, 'HYPERVISOR_UNREACHABLE').code).toBe(
      'HYPERVISOR_UNREACHABLE',
    );
    expect(fromRemoteError({ code: 42, message: '' }, {}, 'HYPERVISOR_UNREACHABLE').code).toBe(
      'DOMAIN_NOT_FOUND',
    );
  });
});

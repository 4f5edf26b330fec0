import { describe, expect, it } from 'vitest';
import {
  BallonetError,
  type ErrorCode,
  errorMessage,
  isBallonetError,
  isConnectionLost,
  isTransient,
} from './errors.ts';

describe('errors', () => {
  it('keep code, cause and the code of the hypervisor', () => {
    const cause = new Error('ECONNREFUSED');
    const error = new BallonetError('HYPERVISOR_UNREACHABLE', 'nobody answers', {
      cause,
      hypervisorCode: 38,
    });
    expect(error).toMatchObject({
      code: 'HYPERVISOR_UNREACHABLE',
      hypervisorCode: 38,
      cause,
      name: 'BallonetError',
    });
    expect(error).toBeInstanceOf(Error);
    expect(new BallonetError('USAGE', 'no')).not.toHaveProperty('cause');
  });

  it('are told apart by code', () => {
    const busy = new BallonetError('OPERATION_BUSY', 'a job holds it');
    expect(isBallonetError(busy)).toBe(true);
    expect(isBallonetError(busy, 'OPERATION_BUSY')).toBe(true);
    expect(isBallonetError(busy, 'USAGE')).toBe(false);
    expect(isBallonetError(new Error('other'))).toBe(false);
    expect(isTransient(busy)).toBe(true);
    expect(isTransient(new BallonetError('OPERATION_DENIED', 'no'))).toBe(false);
    expect(isTransient(new Error('other'))).toBe(false);
  });

  it('say whether the connection failed or the call', () => {
    const lost = (code: ErrorCode) => isConnectionLost(new BallonetError(code, ''));
    for (const code of ['HYPERVISOR_CLOSED', 'HYPERVISOR_UNREACHABLE', 'PROTOCOL'] as const)
      expect(lost(code)).toBe(true);
    for (const code of ['HYPERVISOR_TIMEOUT', 'OPERATION_BUSY', 'DOMAIN_NOT_FOUND'] as const)
      expect(lost(code)).toBe(false);
    expect(isConnectionLost(new Error('PROTOCOL'))).toBe(false);
  });

  it('have a message for anything thrown', () => {
    expect(errorMessage(new Error('x'))).toBe('x');
    expect(errorMessage('y')).toBe('y');
    expect(errorMessage(undefined)).toBe('undefined');
  });
});

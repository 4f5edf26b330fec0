import { describe, expect, it } from 'vitest';
import { formatAddress, isLoopback, parseAddress } from './address.ts';

describe('addresses', () => {
  it.each([
    ['127.0.0.1:9180', '127.0.0.1', true],
    ['127.9.9.9:1', '127.9.9.9', true],
    ['[::1]:9180', '::1', true],
    ['0.0.0.0:9180', '0.0.0.0', false],
    ['[::]:9180', '::', false],
    ['192.0.2.1:9180', '192.0.2.1', false],
  ])('%s is read, written back, and known as loopback or not', (text, host, loopback) => {
    const parsed = parseAddress(text);
    if ('problem' in parsed) throw new Error(parsed.problem);
    expect(parsed.value.host).toBe(host);
    expect(formatAddress(parsed.value)).toBe(text);
    expect(isLoopback(host)).toBe(loopback);
  });

  it.each([
    '',
    '9180',
    ':9180',
    'localhost:9180',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:9180',
    '999.0.0.1:1',
  ])('%j is refused', text => {
    expect(parseAddress(text)).toHaveProperty('problem');
  });
});

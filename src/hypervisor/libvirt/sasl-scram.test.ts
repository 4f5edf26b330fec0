import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../../model/errors.ts';
import { answerScram, beginScram, verifyScram } from './sasl-scram.ts';

/** The exchange of RFC 7677, section 3. */
const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const SERVER_FIRST = `r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const SERVER_FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';
const begun = beginScram({ authName: 'user', password: 'pencil' }, NONCE);

describe('SCRAM-SHA-256', () => {
  it('sends what RFC 7677 shows, and takes the server’s proof of it', async () => {
    const answered = await answerScram(begun, SERVER_FIRST);

    expect(begun.message).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
    expect(answered.message).toBe(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    );
    expect(() => verifyScram(answered, SERVER_FINAL)).not.toThrow();
  });

  it('takes a new nonce for each login', () => {
    const messages = [1, 2].map(() => beginScram({ authName: 'user', password: 'pencil' }).message);
    expect(new Set(messages).size).toBe(2);
  });

  it('escapes what would end a name, and says whom to act as', () => {
    const { message } = beginScram({ authName: 'a=b,c', actAs: 'd,e', password: 'x' }, 'N');
    expect(message).toBe('n,a=d=2Ce,n=a=3Db=2Cc,r=N');
  });

  it('binds whom to act as into the proof', async () => {
    const other = beginScram({ authName: 'user', actAs: 'boss', password: 'pencil' }, NONCE);
    expect((await answerScram(other, SERVER_FIRST)).message).toMatch(/^c=bixhPWJvc3Ms,/);
  });

  it.each([
    ['', 'PROTOCOL'],
    ['r=other,s=AAAA,i=4096', 'PROTOCOL'],
    [`r=${NONCE},s=AAAA,i=4096`, 'PROTOCOL'],
    [`r=${NONCE}x,s=,i=4096`, 'PROTOCOL'],
    [`r=${NONCE}x,s=AAAA,i=04096`, 'PROTOCOL'],
    [`r=${NONCE}x,s=AAAA,i=-4096`, 'PROTOCOL'],
    [`r=${NONCE}x,s=AAAA,i=4096,`, 'PROTOCOL'],
    [`r=${NONCE}x,i=4096,s=AAAA`, 'PROTOCOL'],
    [`m=ext,r=${NONCE}x,s=AAAA,i=4096`, 'PROTOCOL'],
    [`r=${NONCE}x,s=AAAA,i=4095`, 'HYPERVISOR_DENIED'],
    [`r=${NONCE}x,s=AAAA,i=1`, 'HYPERVISOR_DENIED'],
    [`r=${NONCE}x,s=AAAA,i=1000001`, 'HYPERVISOR_DENIED'],
    [`r=${NONCE}x,s=AAAA,i=9999999999`, 'HYPERVISOR_DENIED'],
  ])('gives no proof to a server that says %j', async (serverFirst, code) => {
    await expect(answerScram(begun, serverFirst)).rejects.toMatchObject({ code });
  });

  it.each([
    '',
    'v=',
    'v=AAAA',
    SERVER_FINAL.replace('6rri', '6rrj'),
    SERVER_FINAL.slice(0, -4),
    ` ${SERVER_FINAL}`,
    'e=invalid-proof',
  ])('does not believe a server that ends with %j', async serverFinal => {
    const answered = await answerScram(begun, SERVER_FIRST);
    expect(() => verifyScram(answered, serverFinal)).toThrow(
      expect.objectContaining({ code: 'HYPERVISOR_DENIED' }),
    );
  });

  it('throws nothing but its own errors, whatever the server says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (first, final) => {
        const answered = await answerScram(begun, first).catch((error: unknown) => error);
        expect(isBallonetError(answered)).toBe(true);
        const real = { message: '', serverSignature: Buffer.alloc(32) };
        expect(() => verifyScram(real, final)).toThrow(
          expect.objectContaining({ code: 'HYPERVISOR_DENIED' }),
        );
      }),
    );
  });
});

/** The version of the documents that this Ballonet reads. */
export const API_VERSION = 'ballonet/v1';

/** What to do about documents of another time than this version's: nothing is guessed, since they hold a guest's memory. */
export function otherVersion(
  apiVersion: unknown,
  what: 'policy' | 'configuration',
): { readonly message: string; readonly hint: string } {
  const [, number] = /^ballonet\/v(\d+)/.exec(typeof apiVersion === 'string' ? apiVersion : '') ?? [];
  if (number === undefined)
    return { message: `this is no version of a ${what}`, hint: `write ${API_VERSION}` };
  if (Number(number) > Number(API_VERSION.slice('ballonet/v'.length)))
    return {
      message: `the ${what} is for a newer Ballonet: this one reads ${API_VERSION}`,
      hint: `upgrade Ballonet, or put the ${what} back that ran with this version`,
    };
  return {
    message: `the ${what} is for an older Ballonet: this one reads ${API_VERSION}`,
    hint: `write ${API_VERSION}, then have \`ballonet check\` name what else has changed, with the fix`,
  };
}

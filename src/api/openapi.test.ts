import { validate } from '@readme/openapi-parser';
import { describe, expect, it } from 'vitest';
import { METRICS_PATH, openApi, STREAM_PATH } from './openapi.ts';
import { ROUTES } from './routes.ts';

interface Operation {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly responses: Readonly<Record<string, unknown>>;
}

const document = openApi('1.2.3') as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};

describe('the OpenAPI document', () => {
  it('is a valid one', async () => {
    // The parser writes into what it is given.
    const copy: Parameters<typeof validate>[0] = JSON.parse(JSON.stringify(document));
    expect(await validate(copy)).toMatchObject({ valid: true, warnings: [] });
  });

  it('has every route, the stream and the metrics', () => {
    for (const [name, { method, path }] of Object.entries(ROUTES)) {
      const operation = document.paths[path.replace(':domain', '{domain}')]?.[method.toLowerCase()];
      expect(operation?.operationId).toBe(name);
    }
    expect(document.paths[STREAM_PATH]?.get?.operationId).toBe('stream');
    expect(document.paths[METRICS_PATH]?.get?.operationId).toBe('metrics');
    expect(Object.keys(document.paths)).toHaveLength(Object.keys(ROUTES).length + 2);
  });

  it('says of each route whether it wants a token, and what it may be refused with', () => {
    expect(document.paths['/healthz']?.get?.security).toEqual([]);
    expect(document.paths['/api/v1/status']?.get?.security).toEqual([{}, { token: [] }]);
    expect(document.paths['/api/v1/reload']?.post?.security).toEqual([{ token: [] }]);
    expect(Object.keys(document.paths['/api/v1/reload']?.post?.responses ?? {})).toEqual(
      expect.arrayContaining(['200', '400', '403', '422', '429', '500']),
    );
  });
});

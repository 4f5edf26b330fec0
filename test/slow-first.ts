import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** They wait for much of half a minute and more: begun last, one of them would keep the whole run waiting. */
const SLOW = [
  'test/soak/',
  'test/package/package',
  'test/kill/',
  'test/daemon/',
  'test/reload/',
  'test/lab/hazards-',
  'test/lab/run',
  'test/lab/deb',
  'test/lab/daemons',
  'test/lab/readings',
  'test/lab/conformance-libvirt-test',
];

/** Begins with the files that take longest; vitest alone goes by their lengths where it has not seen them run. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification) => SLOW.some(part => moduleId.includes(`/${part}`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isSlow), ...sorted.filter(file => !isSlow(file))];
  }
}

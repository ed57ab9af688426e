import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The live checks, which `npm test` does not run, and with MELSTROM_FULL_SIZE=1 the measurement in their place.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: [process.env.MELSTROM_FULL_SIZE === '1' ? 'tests/parity/full-size.ts' : 'tests/parity/*-check.ts'],
    fileParallelism: false, // the first makes the environment of both
    pool: 'forks',
    disableConsoleIntercept: true,
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
  },
});

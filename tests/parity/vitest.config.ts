import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The live check, which `npm test` does not run.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['tests/parity/live-check.ts'],
    pool: 'forks',
    disableConsoleIntercept: true,
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
  },
});

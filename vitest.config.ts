import { defineConfig } from 'vitest/config'

process.env.TZ = 'UTC'

/** Prose is imported as text, as in the build. */
const markdown = {
  name: 'markdown-as-text',
  transform(code: string, id: string) {
    return id.endsWith('.md') ? { code: `export default ${JSON.stringify(code)}`, map: null } : null
  },
}

const conditions = ['kafkarium-source', 'node', 'import', 'module', 'default']

/** Tests that need `dist`: it is built once before them, if it is stale. */
const ON_DIST = ['test/package/**/*.test.ts', 'test/cli/**/*.test.ts']
const HOUSE = ['test/house/**/*.test.ts']

export default defineConfig({
  plugins: [markdown],
  // The library's own name leads to its source: `import … from 'kafkarium'` works in tests, lessons and examples.
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Ink draws nothing where it believes to be in CI; the terminal tests are just there to see it draw.
    env: { TZ: 'UTC', CI: 'false' },
    maxWorkers: 2,
    testTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}', 'examples/**/*.test.ts'],
          exclude: [...ON_DIST, ...HOUSE, '**/node_modules/**', 'examples/jest/**'],
        },
      },
      { extends: true, test: { name: 'house', include: HOUSE, testTimeout: 60_000 } },
      {
        extends: true,
        test: {
          name: 'dist',
          include: ON_DIST,
          globalSetup: ['test/support/build-dist.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})

import { type BuildOptions, version } from 'esbuild'

/** The oldest Node that runs what is built here; part of every digest. */
export const nodeMajor = 24

/** Everything that shapes a bundle, apart from what is bundled. `tsconfig.json` is not read: Node itself, which
 *  runs the same files in a user's tests, does not read it either. */
export const bundleOptions = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: `node${nodeMajor}`,
  // Packages resolve as in Node, where a user's tests run; esbuild would add the condition `module`.
  conditions: [],
  sourcemap: 'linked',
  // So a stack trace says `repository:functions/parse.ts:3:9`, wherever the bundle lies.
  sourceRoot: 'repository:',
  sourcesContent: true,
  legalComments: 'inline',
  charset: 'utf8',
  tsconfigRaw: '{}',
  metafile: true,
  write: false,
  logLevel: 'silent',
} as const satisfies BuildOptions

/** Names the toolchain in a digest: other options, esbuild or Node make other artifacts. */
export const toolchain = JSON.stringify({ format: 1, esbuild: version, node: nodeMajor, bundleOptions })

/** esbuild leaves `require('fs')` in CommonJS packages to a `require` that ES modules do not have. On the first
 *  line, which holds no code of the user in a bundle that needs this, so that the source map stays right. */
export const requireBanner =
  "import { createRequire as __dyninkaRequire } from 'node:module';const require = __dyninkaRequire(import.meta.url);"

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(import.meta.url)
const require = createRequire(import.meta.url)
const typesOfNode = folderOf('@types/node')

/** Whether the globals of Node are known to the compiler. */
export const knowsNode = typesOfNode !== undefined

/** Where `import … from 'dyninka'` leads, without any install. */
export const runtime = resolve(here, '../../../runtime')

/** In the package, the compiler would take the JavaScript beside the declarations for a module without types. */
const types = extname(here) === '.ts' ? '.ts' : '.d.ts'

/** What holds unless the user's own tsconfig.json says otherwise. */
export const defaults = { compilerOptions: { strict: true, lib: ['es2024', 'esnext.disposable'] } }

/** What is used of Node's globals in a function that uses nothing else of them. */
export const fewGlobals = `
interface AbortSignal { readonly aborted: boolean; readonly reason: unknown; throwIfAborted(): void }
declare const console: Record<'debug' | 'error' | 'info' | 'log' | 'warn', (...data: unknown[]) => void>
`

/** The tsconfig.json of the temporary folder: `tsconfig`, the user's own, lends its strictness and its `lib`.
 *  @param globals `few`: those in `few.d.ts` beside it, in a third of the time that all of Node's take */
export function configuration(tsconfig: string | undefined, globals: 'few' | 'all') {
  return {
    extends: ['./defaults.json', ...(tsconfig === undefined ? [] : [tsconfig])],
    files: globals === 'few' ? ['edges.ts', 'few.d.ts'] : ['edges.ts'],
    // Globals that the package declares for itself.
    include: tsconfig === undefined ? [] : [`${dirname(tsconfig)}/**/*.d.ts`],
    exclude: ['**/node_modules', '**/dist'],
    compilerOptions: {
      ...withoutOutput,
      ...asBundled,
      skipLibCheck: true,
      // A matter of taste, for which no deployment should stop.
      noUnusedLocals: false,
      noUnusedParameters: false,
      allowUnusedLabels: true,
      noErrorTruncation: true,
      ...(globals === 'few' && { types: [] }),
      ...(globals === 'all' && typesOfNode && { types: ['node'], typeRoots: [dirname(typesOfNode)] }),
      paths: {
        dyninka: [join(runtime, `index${types}`)],
        'dyninka/testing': [join(runtime, `testing/index${types}`)],
      },
    },
  }
}

/** Takes back whatever a tsconfig.json says of files to write; null unsets. */
const withoutOutput = {
  noEmit: true,
  composite: false,
  incremental: false,
  declaration: false,
  declarationMap: false,
  emitDeclarationOnly: false,
  isolatedDeclarations: false,
  rewriteRelativeImportExtensions: false,
  outDir: null,
  rootDir: null,
  rootDirs: null,
  baseUrl: null,
  declarationDir: null,
  tsBuildInfoFile: null,
}

/** As esbuild reads modules. */
const asBundled = {
  target: 'es2024',
  module: 'esnext',
  moduleResolution: 'bundler',
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  allowJs: true,
  checkJs: false,
}

function folderOf(name: string): string | undefined {
  const roots = require.resolve.paths(name) ?? []
  return roots.map(root => join(root, name)).find(existsSync)
}

import { isBuiltin } from 'node:module'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type OnResolveArgs, type OnResolveResult, type Plugin, build as runEsbuild } from 'esbuild'
import { Complaint } from './complaint.ts'
import type { Dependencies } from './dependencies.ts'
import { isInstalled } from './installed.ts'
import { bundleOptions } from './toolchain.ts'

const runtimeEntry = fileURLToPath(new URL(`../runtime/index${extname(import.meta.url)}`, import.meta.url))

/** Sends every import of a package to the locked installation, and `dyninka` to this project's own `runtime/`;
 *  a `node_modules` folder that happens to be in the repository is never looked at. */
export function importsPlugin(dependencies: Dependencies): Plugin {
  return {
    name: 'imports',
    setup(build) {
      build.onResolve({ filter: /^[^./#]/ }, async (args): Promise<OnResolveResult | undefined> => {
        if (args.kind === 'entry-point' || args.pluginData === resolving || isBuiltin(args.path))
          return undefined
        if (/^[a-z]:[\\/]/i.test(args.path)) return undefined // an absolute path on Windows
        if (args.path === 'dyninka') return { path: 'dyninka', namespace: 'dyninka' }
        if (args.namespace === 'file' && isInstalled(args.importer)) return undefined
        try {
          return await resolvePackage(args)
        } catch (error) {
          if (!(error instanceof Complaint)) throw error
          return { errors: [{ text: error.message, detail: error }] }
        }
      })
      build.onLoad({ filter: /.*/, namespace: 'dyninka' }, async () => ({ contents: await runtime() }))

      async function resolvePackage(args: OnResolveArgs): Promise<OnResolveResult> {
        if (args.path === 'dyninka/testing')
          throw new Complaint(
            'test-import',
            "'dyninka/testing' is for tests, and is not there when a function runs",
            'Move what needs it to a test file.',
          )
        if (/^(https?:)?\/\//.test(args.path))
          throw new Complaint(
            'remote-import',
            `'${args.path}' would be fetched over the network`,
            'Copy the module into the repository, or add its npm package.',
          )
        const folder = await dependencies.folder()
        const name = args.path.split('/', args.path.startsWith('@') ? 2 : 1).join('/')
        if (folder !== undefined) {
          const { kind } = args
          const found = await build.resolve(args.path, { resolveDir: folder, kind, pluginData: resolving })
          if (found.errors.length === 0) return { path: found.path, sideEffects: found.sideEffects }
        }
        throw new Complaint(
          'unresolved-import',
          `no package '${args.path}'`,
          `Run \`npm install ${name}\` and commit package.json and package-lock.json; if a file is meant, begin with './'.`,
        )
      }
    },
  }
}

const resolving = Symbol('resolving')

let bundledRuntime: Promise<string> | undefined

/** As one file, so that no path of this installation ends up in an artifact. */
function runtime(): Promise<string> {
  bundledRuntime ??= runEsbuild({ ...bundleOptions, sourcemap: false, entryPoints: [runtimeEntry] }).then(
    result => result.outputFiles[0]!.text.replaceAll(/^\/\/ \S+$/gm, ''),
  )
  return bundledRuntime
}

import { relative, resolve, sep } from 'node:path'
import { type BuildFailure, build, type Message, type Plugin, transform } from 'esbuild'
import type { Finding } from './finding.ts'

/** Starts esbuild's process, so that it is there when the files are known. */
export function prepare() {
  // If it can't be started, `parseModules` will say so.
  transform('').catch(() => undefined)
}

/** Which of these files, or of what they import by path, don't parse, and which have no default export. One module
 *  that imports the default of each lets esbuild look at all of them at once: a thousand take a tenth of the time. */
export async function parseModules(dir: string, files: string[]): Promise<Finding[]> {
  if (files.length === 0) return []
  const errors = await errorsOf(dir, files, [])
  const inFiles = errors.filter(error => error.location!.file !== '<stdin>')
  if (inFiles.length === 0) return errors.map(error => withoutDefault(dir, files, error))
  // esbuild looks at exports only where everything parses: so look again, at each of the others alone.
  const broken = new Set(inFiles.map(error => resolve(dir, error.location!.file)))
  const others = files.filter(file => !broken.has(file))
  const missing = await errorsOf(dir, others, [alone])
  return [...inFiles.map(wrongModule), ...missing.map(error => withoutDefault(dir, others, error))]
}

/** Takes files without what they import. */
const alone: Plugin = {
  name: 'alone',
  setup: build => {
    build.onResolve({ filter: /^\.{1,2}\// }, ({ path }) => ({ path, external: true }))
  },
}

async function errorsOf(dir: string, files: string[], plugins: Plugin[]): Promise<Message[]> {
  const imports = files.map((file, index) => `export { default as _${index} } from ${JSON.stringify(file)}`)
  try {
    await build({
      stdin: { contents: imports.join('\n'), resolveDir: dir, loader: 'js' },
      absWorkingDir: dir,
      bundle: true,
      packages: 'external',
      preserveSymlinks: true,
      format: 'esm',
      write: false,
      logLevel: 'silent',
      logLimit: 0,
      tsconfigRaw: '{}',
      plugins,
    })
    return []
  } catch (error) {
    const { errors } = error as BuildFailure
    if (!errors?.every(message => message.location)) throw error
    return errors
  }
}

/** The line of the module that imports them all tells which file is meant. */
function withoutDefault(dir: string, files: string[], { location }: Message): Finding {
  const file = posix(relative(dir, files[location!.line - 1]!))
  return {
    file,
    line: 1,
    column: 1,
    code: 'no-default-export',
    message: `${file} has no default export.`,
    hint: 'Write `export default` before the function that handles a record.',
  }
}

function wrongModule({ location, text, notes }: Message): Finding {
  const unresolved = text.startsWith('Could not resolve')
  return {
    file: posix(location!.file),
    line: location!.line,
    column: columnOf(location!.lineText, location!.column),
    code: unresolved ? 'unresolved-import' : 'syntax-error',
    message: `${text}.`,
    hint:
      notes[0]?.text ??
      (unresolved
        ? 'Correct the path, with its extension.'
        : 'Correct the syntax: nothing else in this file was checked.'),
  }
}

const posix = (path: string) => path.split(sep).join('/')

/** esbuild counts columns in bytes of UTF-8, from 0. */
const columnOf = (lineText: string, bytes: number) =>
  Buffer.from(lineText).subarray(0, bytes).toString().length + 1

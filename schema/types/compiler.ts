import { type ExecFileException, execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Problem } from '../problem.ts'
import { configuration, defaults, fewGlobals } from './configuration.ts'

export interface Diagnostic {
  /** Absolute; absent if it is about the configuration. */
  file?: string
  line: number
  column: number
  /** As in TS2322. */
  code: number
  /** The message, then what explains it, from the outside in. */
  lines: string[]
}

/** What the TypeScript compiler says about a module and all that it imports. Works in a temporary folder.
 *  `tsconfig` lends its strictness and its `lib`. @throws Problem if the compiler itself doesn't run */
export async function compile(
  module: string,
  tsconfig: string | undefined,
): Promise<{ entry: string; diagnostics: Diagnostic[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'dyninka-types-'))
  const entry = join(folder, 'edges.ts')
  try {
    await writeFile(entry, module)
    await writeFile(join(folder, 'defaults.json'), JSON.stringify(defaults))
    await writeFile(join(folder, 'few.d.ts'), fewGlobals)
    // Most functions use little of Node: only where something is missing, or wrong, are all its types read.
    const withFew = await diagnose(folder, configuration(tsconfig, 'few'))
    if (withFew.length === 0) return { entry, diagnostics: withFew }
    return { entry, diagnostics: await diagnose(folder, configuration(tsconfig, 'all')) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function diagnose(folder: string, configured: object): Promise<Diagnostic[]> {
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(configured))
  return parse(folder, await run(folder))
}

const require = createRequire(import.meta.url)
const maxMs = 120_000

/** The native compiler itself, where it is found: the script around it costs 60 ms. */
const compiler: Promise<[string, ...string[]]> = (async () => {
  const folder = dirname(require.resolve('typescript/package.json'))
  try {
    const { default: pathOf } = await import(pathToFileURL(join(folder, 'lib/getExePath.js')).href)
    return [pathOf() as string]
  } catch {
    return [process.execPath, join(folder, 'bin', 'tsc')]
  }
})()

async function run(folder: string): Promise<string> {
  const [program, ...first] = await compiler
  const options = { cwd: folder, timeout: maxMs, maxBuffer: 256 * 1024 * 1024, encoding: 'utf8' } as const
  return new Promise((done, fail) => {
    execFile(program, [...first, '--pretty', 'false', '--locale', 'en'], options, (error, stdout, stderr) => {
      // 1 and 2: there are errors, which is what was asked for.
      if (!error || ((error.code === 1 || error.code === 2) && stdout !== '')) done(stdout)
      else fail(failure(error, stderr))
    })
  })
}

function failure(error: ExecFileException, stderr: string): Problem {
  const [said = ''] = stderr.trim().split('\n')
  const why = error.killed
    ? `was stopped after ${maxMs / 1000} s`
    : `ended with ${error.signal ?? error.code}: ${said}`
  const hint = 'Free memory, or leave the types out (`--no-types`).'
  return new Problem('CompilerFailed', `The TypeScript compiler ${why}.`, { hint, cause: error })
}

const head = /^(?:(.+)\((\d+),(\d+)\): )?error TS(\d+): (.*)$/

function parse(folder: string, output: string): Diagnostic[] {
  const diagnostics: Diagnostic[] = []
  for (const text of output.split(/\r?\n/)) {
    const match = head.exec(text)
    if (match) {
      const [, file, line, column, code, message] = match
      const place = {
        line: Number(line ?? 1),
        column: Number(column ?? 1),
        code: Number(code),
        lines: [message!],
      }
      diagnostics.push({ ...(file !== undefined && { file: resolve(folder, file) }), ...place })
    } else if (text.startsWith('  ')) diagnostics.at(-1)?.lines.push(text.trim())
  }
  return diagnostics
}

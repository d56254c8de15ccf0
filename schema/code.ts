import { stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { type BuildFailure, build, type Message } from 'esbuild'
import type { Draft } from './draft.ts'
import type { Finding } from './finding.ts'
import { leaves } from './read-source.ts'
import { below } from './yaml-document.ts'

/** Every function's file is there, parses, and has a default export. `dir` is absolute. */
export async function checkCode(dir: string, draft: Draft): Promise<Finding[]> {
  const findings: Finding[] = []
  const files = new Set<string>()
  await Promise.all(
    draft.functions.map(async ({ spec, pointer }) => {
      if (spec.code === undefined) return
      const fault = await missing(dir, spec.code)
      if (fault) findings.push(draft.at(below(pointer, 'code'), ...fault))
      else files.add(resolve(dir, spec.code))
    }),
  )
  return [...findings, ...(await parse(dir, [...files]))]
}

type Fault = [code: string, message: string, hint: string]

async function missing(dir: string, code: string): Promise<Fault | undefined> {
  if (await leaves(dir, code)) {
    const hint =
      'Move the file into the folder of dataflow.yaml; code that is shared can be imported from anywhere.'
    return ['code-outside', `${code} is outside the folder of this dataflow.`, hint]
  }
  const found = await stat(join(dir, code)).catch(() => undefined)
  if (found?.isFile()) return
  if (found) return ['code-not-a-file', `${code} is not a file.`, 'Name the file with the default export.']
  return [
    'missing-code',
    `There is no file ${code}.`,
    'Write it, with `export default function …`, or correct the path.',
  ]
}

/** esbuild gives up on all files if one has a syntax error: those that have are told, and left out of a second run. */
async function parse(dir: string, files: string[]): Promise<Finding[]> {
  if (files.length === 0) return []
  const options = {
    entryPoints: files,
    outdir: dir,
    absWorkingDir: dir,
    write: false,
    metafile: true,
    format: 'esm',
    logLevel: 'silent',
    logLimit: 0,
    tsconfigRaw: '{}',
  } as const
  try {
    const { metafile } = await build(options)
    return Object.values(metafile.outputs)
      .filter(output => output.entryPoint !== undefined && !output.exports.includes('default'))
      .map(output => withoutDefault(output.entryPoint!))
  } catch (error) {
    const { errors } = error as BuildFailure
    const broken = new Set(
      (errors ?? []).map(message => message.location && resolve(dir, message.location.file)),
    )
    const rest = files.filter(file => !broken.has(file))
    if (rest.length === files.length) throw error
    return [...errors.map(syntaxError), ...(await parse(dir, rest))]
  }
}

const withoutDefault = (file: string): Finding => ({
  file,
  line: 1,
  column: 1,
  code: 'no-default-export',
  message: `${file} has no default export.`,
  hint: 'Write `export default` before the function that handles a record.',
})

function syntaxError({ location, text, notes }: Message): Finding {
  return {
    file: location!.file.split(sep).join('/'),
    line: location!.line,
    column: columnOf(location!.lineText, location!.column),
    code: 'syntax-error',
    message: `${text}.`,
    hint: notes[0]?.text ?? 'Correct the syntax: nothing else in this file was checked.',
  }
}

/** esbuild counts columns in bytes of UTF-8, from 0. */
const columnOf = (lineText: string, bytes: number) =>
  Buffer.from(lineText).subarray(0, bytes).toString().length + 1

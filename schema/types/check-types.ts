import { readFile } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import type { Draft, Entry } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { Problem } from '../problem.ts'
import { below } from '../yaml-document.ts'
import { compile } from './compiler.ts'
import { type Edge, type EdgeQuestion, edgeModule } from './edge-module.ts'
import { mismatch, undeclared, withoutKey } from './mismatch.ts'
import { ownErrors } from './own-errors.ts'
import { nearestTsconfig } from './tsconfig.ts'

/** The types on every edge, and in the functions themselves, as far as their files are sound. */
export async function checkTypes(dir: string, draft: Draft, sound: ReadonlySet<string>): Promise<Finding[]> {
  const codeOf = (entry: Entry | undefined) => {
    if (entry?.kind !== 'function' || entry.spec.code === undefined) return
    const file = resolve(dir, entry.spec.code)
    return sound.has(file) ? file : undefined
  }
  const files = [...new Set(draft.functions.map(codeOf).filter(file => file !== undefined))]
  if (files.length === 0) return []
  const module = edgeModule(files, edgesOf(draft, codeOf))
  const { entry, diagnostics } = await compileWith(module, nearestTsconfig(dir))
  const answers = diagnostics.flatMap(({ file, line, code, lines }) => {
    const question = file === entry ? module.questions.get(line) : undefined
    return question && code !== tooDeep ? { question, lines } : []
  })
  const noFunctions = new Set(
    answers.flatMap(({ question }) => (question.ask === 'function' ? question.file : [])),
  )
  const edges = answers.flatMap(({ question, lines }) =>
    question.ask === 'function' || filesOf(question.edge).some(file => noFunctions.has(file))
      ? []
      : edgeFinding(draft, question, lines),
  )
  const others = diagnostics.filter(diagnostic => diagnostic.file !== entry)
  return [
    ...edges,
    ...(await Promise.all([...noFunctions].map(file => notAFunction(dir, file)))),
    ...ownErrors(dir, others),
  ]
}

/** "Type instantiation is excessively deep": nothing is known, so nothing is said. */
const tooDeep = 2589

function edgesOf(draft: Draft, codeOf: (entry: Entry | undefined) => string | undefined): Edge[] {
  return [...draft.entries.values()].flatMap(entry => {
    const file = entry.kind === 'function' ? codeOf(entry) : undefined
    if (entry.kind === 'source' || (entry.kind === 'function' && file === undefined)) return []
    const path = entry.kind === 'function' ? entry.spec.key : undefined
    const key = path === undefined ? {} : { key: { path, pointer: below(entry.pointer, 'key') } }
    return draft.inputs(entry).flatMap(({ node, output, pointer }) => {
      const producer = producerOf(draft.entries.get(node), codeOf)
      const consumer = { name: entry.name, ...(file !== undefined && { file }) }
      return producer ? { from: { node, output }, producer, consumer, pointer, ...key } : []
    })
  })
}

function producerOf(
  entry: Entry | undefined,
  codeOf: (entry: Entry) => string | undefined,
): Edge['producer'] | undefined {
  // What comes over MQTT and HTTP is JSON of any shape.
  if (entry?.kind === 'source')
    return entry.spec.every === undefined ? undefined : { type: '{ n: number; at: string }' }
  const file = entry && codeOf(entry)
  return file === undefined ? undefined : { file }
}

const filesOf = ({ producer, consumer }: Edge) =>
  ['file' in producer ? producer.file : undefined, consumer.file].filter(file => file !== undefined)

/** A tsconfig.json that the compiler can't follow, or under which our own lines make no sense, is left aside. */
async function compileWith(
  { text, ownLines }: { text: string; ownLines: number },
  tsconfig: string | undefined,
): ReturnType<typeof compile> {
  const result = await compile(text, tsconfig)
  const trouble = result.diagnostics.find(
    ({ file, line }) =>
      file === undefined ||
      (file.endsWith('.json') && tsconfig !== undefined) ||
      (file === result.entry && line <= ownLines),
  )
  if (!trouble) return result
  if (tsconfig !== undefined) return compileWith({ text, ownLines }, undefined)
  throw new Problem('CompilerFailed', `The types can't be checked: ${trouble.lines[0]}`)
}

function edgeFinding(draft: Draft, { ask, edge }: EdgeQuestion, lines: string[]): Finding {
  const { code, message, hint } = { edge: mismatch, output: undeclared, key: withoutKey }[ask](edge, lines)
  return draft.at(ask === 'key' ? edge.key!.pointer : edge.pointer, code, message, hint)
}

async function notAFunction(dir: string, file: string): Promise<Finding> {
  const [before] = (await readFile(file, 'utf8')).split(/^export\s+default\b/m, 1)
  return {
    file: relative(dir, file).split(sep).join('/'),
    line: before!.split('\n').length,
    column: 1,
    code: 'not-a-function',
    message: 'The default export is not a function that takes a record and a context.',
    hint: 'Write `export default function name(record: …, ctx: Context) { … }`.',
  }
}

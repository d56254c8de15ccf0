import type { Input } from '../flow.ts'

/** What flows into one input of a function or sink, as far as its type is known. */
export interface Edge {
  from: Input
  /** The producer's file (absolute), or the type that a source gives. */
  producer: { file: string } | { type: string }
  /** A sink has no file: it takes anything. */
  consumer: { name: string; file?: string }
  /** Where the consumer names its input. */
  pointer: string
  /** The field by which the consumer cuts its input, and where it says so. */
  key?: { path: string; pointer: string }
}

/** What one line of the module asks. */
export type Question = { ask: 'function'; file: string } | EdgeQuestion

export interface EdgeQuestion {
  ask: 'output' | 'edge' | 'key'
  edge: Edge
}

/** A module that the compiler finds wrong exactly where an edge is: each line asks one question. The first `ownLines`
 *  are right in themselves. */
export function edgeModule(files: readonly string[], edges: readonly Edge[]) {
  const questions = new Map<number, Question>()
  const lines = prelude.split('\n')
  const ownLines = lines.length
  const names = new Map(files.map((file, index) => [file, `f${index}`]))
  for (const [file, name] of names) lines.push(`import type ${name} from ${JSON.stringify(file)}`)
  const ask = (question: Question, type: string, value: string) => {
    questions.set(lines.push(`export const q${lines.length}: ${type} = null! as ${value}`), question)
  }
  for (const [file, name] of names) ask({ ask: 'function', file }, 'Handler', `typeof ${name}`)
  for (const edge of edges) {
    const producer = 'file' in edge.producer ? `typeof ${names.get(edge.producer.file)}` : undefined
    const output = JSON.stringify(edge.from.output)
    if (producer && edge.from.output !== 'default')
      ask({ ask: 'output', edge }, `Outputs<${producer}>`, output)
    if (edge.consumer.file === undefined) continue
    const record =
      'type' in edge.producer
        ? edge.producer.type
        : `Json<${edge.from.output === 'default' ? `Returns<${producer}>` : `Emits<${producer}, ${output}>`}>`
    // Inside a tuple, so that the compiler always begins with both types.
    ask({ ask: 'edge', edge }, `[Takes<typeof ${names.get(edge.consumer.file)}>]`, `[${record}]`)
    if (edge.key === undefined) continue
    const path = JSON.stringify(edge.key.path)
    ask({ ask: 'key', edge }, `Key<${record}, ${path}>`, path)
  }
  return { text: `${lines.join('\n')}\n`, questions, ownLines }
}

/** `0 extends 1 & T` holds for `any` alone, which would take every branch of a condition at once. */
const prelude = `import type { Context, JsonValue } from 'dyninka'

type Handler = (record: never, ctx: Context<any>) => unknown

// The record that a function takes; written out, so that a message shows more than its name.
type Takes<F> = F extends (record: infer P, ...rest: any) => any ? Shown<P> : any
type Shown<T> = 0 extends 1 & T ? any
  : T extends Function | readonly unknown[] | ReadonlyMap<any, any> | ReadonlySet<any> | { toJSON(...args: any): any } ? T
  : T extends object ? { [K in keyof T]: T[K] } : T

// The records that a call gives: one, those of a list or generator, or none.
type Returns<F> = F extends (...args: any) => infer R ? Each<Awaited<R>> : any
type Each<R> = 0 extends 1 & R ? any
  : R extends void | undefined ? never
  : R extends AsyncIterable<infer V> ? Exclude<Awaited<V>, void | undefined>
  : R extends readonly (infer V)[] ? Exclude<V, void | undefined>
  : R extends Iterable<infer V> & { next: unknown } ? Exclude<V, void | undefined>
  : R

// The named outputs that a function declares; where it declares none, anything goes.
type Shape<F> = F extends (record: any, ctx: infer C, ...rest: any) => any ? C extends Context<infer S> ? S : any : any
type Outputs<F> = Shape<F> extends { outputs: infer O } ? keyof O & string : string
type Emits<F, N extends string> = Shape<F> extends { outputs: infer O } ? N extends keyof O ? Exclude<O[N], undefined> : any : any

// A path of fields, if some record may have it; the fields that there are, if none can.
type Key<T, P extends string> = [T] extends [never] ? P : true extends Has<T, P> ? P : keyof T & string
type Has<T, P extends string> = unknown extends T ? true
  : P extends \`\${infer H}.\${infer R}\` ? T extends object ? H extends keyof T ? Has<T[H], R> : Open<T> : false
  : T extends object ? P extends keyof T ? true : Open<T> : false
type Open<T> = string extends keyof T ? true : number extends keyof T ? true : false

// What is left of a value after JSON.stringify and JSON.parse.
type Json<T> = 0 extends 1 & T ? any
  : T extends JsonValue | undefined ? Shown<T>
  : T extends { toJSON(...args: any): infer J } ? Json<J>
  : T extends ReadonlyMap<any, any> | ReadonlySet<any> ? {}
  : T extends readonly (infer V)[] ? number extends T['length'] ? Json<V>[] : { [K in keyof T]: Json<T[K]> }
  : T extends object ? { [K in keyof T as T[K] extends Function ? never : K]: Json<T[K]> }
  : T
`

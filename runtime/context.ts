/** Any value that survives `JSON.parse(JSON.stringify(value))`. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [field: string]: JsonValue }

interface Shape {
  /** What `ctx.state` holds for each key. */
  state?: unknown
  /** Named outputs and the value that each carries. */
  outputs?: Record<string, unknown>
}

/**
 * What a function gets beside its record.
 *
 * @example
 * export default function average(reading: Reading, ctx: Context<{ state: Total; outputs: { hot: Average } }>) {
 *   const total = (ctx.state ??= { sum: 0, count: 0 })
 *   total.sum += reading.celsius
 *   total.count += 1
 *   const mean = total.sum / total.count
 *   if (mean > 30) ctx.emit('hot', { room: reading.room, mean })
 *   return { room: reading.room, mean }
 * }
 */
export interface Context<T extends Shape = Record<never, never>> {
  /** Structured log of this function: shown by `dyninka logs`. */
  readonly log: Logger
  /** Sends one record on a named output; sent only if the call that emitted it succeeds. */
  emit<Output extends OutputsOf<T>>(output: Output, value: ValueOf<T, Output>): void
  /** The record that is being handled. */
  readonly record: RecordInfo
  /** Plain JSON kept for this record's key (for the whole partition where there is no key). Read it,
   *  change it in place or assign it; `undefined` deletes. Stored after the outputs it belongs to. */
  state: (T extends { state: infer State } ? State : unknown) | undefined
  /** Sets the one timer of this record's key: the file's `export const timer = (ctx: Context) => …` is called at that
   *  instant (ms since the epoch, at once if it has passed). Setting replaces, `undefined` clears. It is stored with
   *  the key's state and moves with it. */
  timer(at: number | undefined): void
  /** Aborts when the call has taken longer than `retry.timeout`, or the host shuts down. */
  readonly signal: AbortSignal
  /** The variables of `env` and `secrets` of this function. */
  readonly env: Readonly<Record<string, string | undefined>>
}

type OutputsOf<T extends Shape> = T extends { outputs: infer Outputs } ? keyof Outputs & string : string
type ValueOf<T extends Shape, Output> = T extends { outputs: infer Outputs }
  ? Output extends keyof Outputs
    ? Outputs[Output]
    : never
  : unknown

export interface RecordInfo {
  /** The same each time this record is handled, and different from every other record's on this input. */
  readonly id: string
  readonly key?: string
  /** Event time, ms since the epoch. */
  readonly time: number
  /** The source (or timer, or replay) where it entered the graph. */
  readonly source: string
  /** The MQTT topic on which a source read it: known to the functions that read that source. */
  readonly topic?: string
  /** The node on whose edge it came, and the output where that isn't the default: `parse`, `average.hot`. */
  readonly from?: string
  /** It is a timer of `ctx.timer` that is due; `time` is the instant it was set to. */
  readonly timer?: true
  /** A dead letter that is being handled again; `id` is the one it first had. */
  readonly replay?: true
}

export interface Logger {
  debug(message: string, fields?: object): void
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
}

/** `export const setup: Setup = async ({ env, log }) => { … }`: runs once before the first record. */
export type Setup = (ctx: Pick<Context, 'log' | 'env' | 'signal'>) => void | Promise<void>
/** `export const teardown: Teardown = async () => { … }`: runs once after the last record. */
export type Teardown = () => void | Promise<void>

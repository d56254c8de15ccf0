import { resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Flow, Node } from '../../schema/flow.ts'
import { load } from '../../schema/index.ts'
import { topics } from '../../schema/topics.ts'
import { wiringOf } from '../../schema/wiring.ts'
import type { RecordInfo } from '../context.ts'
import type { DeadLetter } from '../dead-letter.ts'
import { Hosting } from '../hosting.ts'
import type { UserModule } from '../invoke.ts'
import { silent } from '../log.ts'
import { MemoryTransport } from '../memory-transport.ts'
import { ManualFeed } from './manual-feed.ts'

export interface Delivered<T = unknown> {
  value: T
  record: RecordInfo
}

interface Options {
  /** Values of `env` and `secrets`, over those in the file. */
  env?: Record<string, string>
}

/**
 * Loads a `dataflow.yaml` and runs its whole graph in this process, on the same code as in production: ids, keys,
 * partitions, retries, state and dead letters are the same, under any test runner.
 *
 * @example
 * const flow = await dataflow(new URL('..', import.meta.url))
 * const { alarms } = await flow.run({ thermometers: [{ room: 'attic', celsius: 41 }] })
 * await flow.close()
 * @param dir folder of the `dataflow.yaml`
 * @throws when the file has findings: all of them, with file, line and column
 */
export async function dataflow(dir: string | URL, options: Options = {}): Promise<TestDataflow> {
  const path = typeof dir === 'string' ? resolve(dir) : fileURLToPath(dir)
  const { flow, findings } = await load(path, { types: false })
  if (!flow) {
    const lines = findings.map(
      ({ file, line, column, message, hint }) => `${file}:${line}:${column} ${message} (${hint})`,
    )
    throw new Error(`the dataflow has findings:\n${lines.join('\n')}`)
  }
  const test = new TestDataflow(flow)
  await test.start(path, options)
  return test
}

/** A dataflow that runs inside a test. */
export class TestDataflow {
  #flow: Flow
  #broker = new MemoryTransport()
  #hostings: Hosting[] = []
  #feeds = new Map<string, ManualFeed>()
  #delivered = new Map<string, Delivered[]>()
  #teardowns: (() => unknown)[] = []

  constructor(flow: Flow) {
    this.#flow = flow
  }

  /** Feeds values to sources, waits until all is processed. @returns by sink: what reached it in this run */
  async run<T = unknown>(inputs: Record<string, unknown[]>): Promise<Record<string, T[]>> {
    const before = new Map([...this.#delivered].map(([sink, delivered]) => [sink, delivered.length]))
    for (const [source, values] of Object.entries(inputs))
      for (const value of values) await this.send(source, value)
    await this.drain()
    return Object.fromEntries(
      [...this.#delivered].map(([sink, all]) => [
        sink,
        all.slice(before.get(sink)).map(({ value }) => value as T),
      ]),
    )
  }

  /** @param options `time`: event time, ms; `topic`: what `ctx.record.topic` shows */
  async send(source: string, value: unknown, options: { time?: number; topic?: string } = {}): Promise<void> {
    const feed = this.#feeds.get(source)
    if (!feed) throw new Error(`no source "${source}": there is ${[...this.#feeds.keys()].join(', ')}`)
    await feed.send(value, options)
  }

  /** Resolves when every record has been handled, or is a dead letter. */
  async drain(): Promise<void> {
    while (!this.#hostings.every(hosting => hosting.idle)) await setImmediate()
  }

  /** Lets time pass for timers that are set with `ctx.timer`, and waits until all that is due has been handled. */
  async elapse(ms: number): Promise<void> {
    for (const hosting of this.#hostings) hosting.elapse(ms)
    await this.drain()
  }

  /** What has reached a sink so far, oldest first. */
  sink<T = unknown>(name: string): Delivered<T>[] & { values: T[] } {
    const delivered = this.#delivered.get(name)
    if (!delivered) throw new Error(`no sink "${name}": there is ${[...this.#delivered.keys()].join(', ')}`)
    return Object.assign([...delivered] as Delivered<T>[], {
      values: delivered.map(({ value }) => value as T),
    })
  }

  /** Records that could not be handled, oldest first. */
  get dead(): DeadLetter[] {
    return this.#broker
      .retained(topics.deads(this.#flow.name))
      .map(({ payload }) => JSON.parse(payload.toString()) as DeadLetter)
      .sort((a, b) => a.at.localeCompare(b.at) || a.n - b.n)
  }

  /** Lets `await using flow = await dataflow(…)` close it, whatever the test does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async close(): Promise<void> {
    for (const hosting of this.#hostings) await hosting.stop(1_000)
    for (const teardown of this.#teardowns) await teardown()
  }

  async start(path: string, { env = {} }: Options): Promise<void> {
    for (const [node, content] of wiringOf(this.#flow)) {
      this.#broker.publish(
        topics.wiring(this.#flow.name, node),
        JSON.stringify({ ...content, revision: 1 }),
        true,
      )
    }
    // Consumers first: a session subscribes before anything is sent to it.
    for (const node of [...this.#flow.nodes].reverse()) await this.#host(node, path, env)
    await Promise.all([...this.#feeds.values()].map(feed => feed.started))
  }

  async #host(node: Node, path: string, extra: Record<string, string>) {
    const env = node.kind === 'function' ? { ...node.env, ...extra } : {}
    const feed = new ManualFeed()
    const delivered: Delivered[] = []
    if (node.kind === 'source') this.#feeds.set(node.name, feed)
    if (node.kind === 'sink') this.#delivered.set(node.name, delivered)
    const sink = {
      handler: (value: unknown, { record }: { record: RecordInfo }) => void delivered.push({ value, record }),
      close: async () => {},
    }
    const module = node.kind === 'function' ? await moduleOf(resolve(path, node.code)) : undefined
    await module?.setup?.({ log: silent, env, signal: new AbortController().signal })
    if (module?.teardown) this.#teardowns.push(module.teardown)
    const hosting = new Hosting({
      flow: this.#flow.name,
      node: node.name,
      presence: {
        v: 1,
        host: node.name,
        generation: 1,
        artifact: '',
        node: 'test',
        pid: process.pid,
        startedAt: '',
      },
      transport: this.#broker,
      transportTo: () => this.#broker,
      ...(module
        ? { handlers: module }
        : {
            outside: { feedOf: () => feed, endFeed: async () => {}, sinkFor: () => sink, close: sink.close },
          }),
      env,
      log: silent,
    })
    this.#hostings.push(hosting)
    await hosting.start()
    while (hosting.revision === 0) await setImmediate()
  }
}

const moduleOf = async (file: string) => (await import(pathToFileURL(file).href)) as UserModule

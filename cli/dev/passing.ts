import type { TappedRecord } from '../../controller/broker/tap.ts'
import { Api } from '../api/api.ts'
import { Direct } from '../api/carrier.ts'
import type { Picture } from '../graph/picture.ts'
import { type LogLine, logText } from '../log-text.ts'
import { paint } from '../paint.ts'
import { recordText } from '../record-text.ts'
import { Sampler } from './sampler.ts'

interface Options {
  records: boolean
  signal: AbortSignal
  print: (text: string) => void
}

const RECORDS_PER_SECOND = 10

/** What passes through dataflows, for the eye: their logs, and as many of their records as one can read. */
export class Passing {
  readonly #options: Options
  readonly #sampler: Sampler
  readonly #api = Promise.withResolvers<Api>()
  /** Logs and outputs that are followed already. */
  readonly #followed = new Set<string>()

  constructor(options: Options) {
    this.#options = options
    this.#sampler = new Sampler(RECORDS_PER_SECOND, skipped =>
      options.print(paint('dim', `             … ${skipped} more records`)),
    )
  }

  follow(url: string, token?: string) {
    this.#api.resolve(new Api(new Direct(url, token)))
  }

  /** Looks at a dataflow from now on; what is new in it since the last call is added. Never throws: what passes is not worth
   *  the end of what runs, and a controller that ends answers nothing. */
  async add(flow: string): Promise<void> {
    const { signal, print } = this.#options
    await this.#add(flow).catch((error: Error) => {
      if (!signal.aborted) print(paint('dim', `no records of ${flow}: ${error.message}`))
    })
  }

  async #add(flow: string): Promise<void> {
    const api = await this.#api.promise
    const { signal, print, records } = this.#options
    this.#once(`logs of ${flow}`, async () => {
      // Some lines back: what went wrong before the dataflow was ready is what its author wants to see.
      const lines = api.lines<LogLine>('/api/logs', { flow, follow: 1, lines: 20 }, signal)
      for await (const line of lines) {
        const isRecord = line.msg === 'record' // what a `log` sink was given
        if (!isRecord || this.#sampler.admits()) print(logText(line))
      }
    })
    if (!records) return
    const { nodes } = await api.get<Picture>('/api/graph', { flow })
    for (const { name, kind } of nodes) {
      if (kind === 'sink') continue
      this.#once(`records of ${flow}/${name}`, async () => {
        const passing = api.lines<TappedRecord>('/api/tap', { flow, function: name }, signal)
        for await (const record of passing) if (this.#sampler.admits()) print(recordText(record))
      })
    }
  }

  /** A stream that ends, as when its function is removed, may be followed again later. */
  #once(name: string, follow: () => Promise<void>) {
    if (this.#followed.has(name)) return
    this.#followed.add(name)
    follow()
      .catch((error: Error) => this.#options.print(paint('dim', `no more ${name}: ${error.message}`)))
      .finally(() => this.#followed.delete(name))
  }
}

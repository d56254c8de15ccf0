import { readdirSync, readFileSync } from 'node:fs'
import { makeRepository, type Repository } from '../support/repository.ts'
import { type Breakage, inner, type Target } from './schedule.ts'

type Inner = (typeof inner)[number]

interface Settings {
  version: number
  fault: Breakage | 'none'
  zone: string | null
  min: number
  partitions: number
  env: number
  /** It handles nothing before, in ms since 1970. */
  stallUntil: number
  concurrency: number
}

const functionsDir = new URL('./flow/functions/', import.meta.url)
const from: Record<Inner, string> = {
  stamp: 'from: entry, key: k',
  left: 'from: stamp, key: k',
  right: 'from: stamp',
  join: 'from: [left, right], key: k',
  tally: 'from: join, key: g',
  pulse: 'from: join, key: k',
}
const partitions: Record<Inner, number> = { stamp: 4, left: 4, right: 1, join: 4, tally: 2, pulse: 2 }

/** The dataflow under test, in a repository that is pushed to. */
export class Dataflow {
  readonly repository: Repository
  #settings: Record<Inner, Settings>
  #entryZone: string | undefined
  #outside: string | undefined
  #shared = 1
  #spied = false
  #pushing: Promise<unknown> = Promise.resolve()
  #files: Record<string, string>

  /** @param zones where each is decided to be at first, so that edges go by brokers there
   *  @param outside the broker of source and sink, if it is not the dataflow's own */
  static async create(zones: Partial<Record<Target, string>> = {}, outside?: string): Promise<Dataflow> {
    const dataflow = new Dataflow(await makeRepository('torture'), zones, outside)
    await dataflow.change(() => {})
    return dataflow
  }

  private constructor(
    repository: Repository,
    zones: Partial<Record<Target, string>>,
    outside: string | undefined,
  ) {
    this.repository = repository
    this.#entryZone = zones.entry
    this.#outside = outside
    this.#settings = Object.fromEntries(
      inner.map(name => [
        name,
        {
          version: 1,
          fault: 'none',
          zone: zones[name] ?? null,
          min: 1,
          partitions: partitions[name],
          env: 1,
          stallUntil: 0,
          concurrency: name === 'right' ? 4 : 1,
        },
      ]),
    ) as Record<Inner, Settings>
    this.#files = Object.fromEntries(
      readdirSync(functionsDir).map(file => [file, readFileSync(new URL(file, functionsDir), 'utf8')]),
    )
  }

  /** Changes something and pushes it; one push after the other. @returns the commit */
  change(
    edit: (settings: Record<Inner, Settings>, all: { shared(): void; spy(): void }) => void,
  ): Promise<string> {
    const pushed = this.#pushing.then(async () => {
      edit(this.#settings, {
        shared: () => {
          this.#shared += 1
        },
        spy: () => {
          this.#spied = !this.#spied
        },
      })
      await this.repository.write({ 'dataflow.yaml': this.#yaml(), ...this.#code() })
      const commit = await this.repository.commit()
      await this.repository.push()
      return commit
    })
    this.#pushing = pushed.catch(() => {})
    return pushed
  }

  #yaml(): string {
    const lines = inner.map(name => {
      const { min, partitions, zone, env, stallUntil, concurrency, fault } = this.#settings[name]
      const place = zone === null ? '' : `, placement: { zone: ${zone} }`
      const input = fault === 'yaml' ? from[name].replace('from: ', 'from: nowhere-') : from[name]
      return (
        `  ${name}: { code: functions/${name}.ts, ${input}, scale: { min: ${Math.min(min, partitions)}, ` +
        `max: ${partitions} }, concurrency: ${concurrency}, env: { TURN: "${env}", ` +
        `STALL_UNTIL: "${stallUntil}" }, retry: { attempts: 5, backoff: 5ms, timeout: 10m${name === 'left' ? ', order: relaxed' : ''} }${place} }`
      )
    })
    if (this.#spied) lines.push('  spy: { code: functions/spy.ts, from: [stamp, join], key: k }')
    const at = this.#outside === undefined ? '' : `, broker: ${this.#outside}`
    return `apiVersion: dyninka.dev/v1
name: torture
sources:
  entry: { mqtt: torture/in${at}, id: id${this.#entryZone === undefined ? '' : `, placement: { zone: ${this.#entryZone} }`} }
functions:
${lines.join('\n')}
sinks:
  out: { from: [join, tally, pulse, stamp.odd, join.odd], mqtt: torture/out${at} }
`
  }

  #code(): Record<string, string> {
    const code = { ...this.#files }
    code['fold.ts'] = code['fold.ts']!.replace('shared = 1', `shared = ${this.#shared}`)
    for (const name of inner) {
      const { version, fault } = this.#settings[name]
      let text = code[`${name}.ts`]!.replace('version: number = 1', `version: number = ${version}`)
      if (fault === 'type') text = text.replace('version: number', 'version: string')
      else if (fault === 'syntax') text = text.replace('const version', 'const const version')
      else text = text.replace("fault: string = 'none'", `fault: string = '${fault}'`)
      code[`${name}.ts`] = text
    }
    return Object.fromEntries(Object.entries(code).map(([file, text]) => [`functions/${file}`, text]))
  }
}

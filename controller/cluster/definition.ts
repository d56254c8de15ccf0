import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import type { Logger } from 'pino'
import { Problem } from '../../schema/problem.ts'
import { isNotFound } from '../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { pause } from '../kubernetes/exchange.ts'

/** A part of a definition's schema, as the definition has it and as the API server publishes it. */
export interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
  enum?: unknown[]
  'x-kubernetes-preserve-unknown-fields'?: boolean
}

export interface DefinitionOptions {
  client: Pick<KubernetesClient, 'raw'>
  log: Logger
  signal: AbortSignal
  /** Between two looks while it is not as it should be: somebody may be about to mend it. Default 5 s. */
  againMs?: number
  /** `trouble` is another one. */
  onChange(): void
}

const published = '/openapi/v3/apis/dyninka.dev/v1'
const everyMs = 60_000
const defaultAgainMs = 5_000
const shown = 5

const hint =
  'Apply that of this version: `helm upgrade` does (values: definition), and so does `dyninka install`.'

/** Compares the definition of the resource on the cluster with the one that this controller was made with. An older one
 *  drops what it does not know from a Dataflow and from its status, and nobody is told. */
export class Definition {
  #options: DefinitionOptions
  #trouble: Problem | undefined
  /** What the last look found. */
  #found: Problem | undefined
  #running: Promise<void>

  constructor(options: DefinitionOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** What is wrong with it; undefined when nothing is, or nothing is known yet. */
  get trouble(): Problem | undefined {
    return this.#trouble
  }

  /** Once nothing is asked for any more: after the signal. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { log, signal, againMs = defaultAgainMs } = this.#options
    while (!signal.aborted) {
      await this.#look().catch((err: unknown) => {
        // Whoever must not read it, or can't now, has nothing to say of it.
        if (!signal.aborted) log.debug({ err }, 'the definition of Dataflow could not be compared')
      })
      await pause(this.#found ? againMs : everyMs, signal).catch(() => {})
    }
  }

  async #look(): Promise<void> {
    const { client, log, signal, onChange } = this.#options
    const own = await ownSchema()
    const { components } = await client.raw<{ components: { schemas: Record<string, Schema> } }>({
      method: 'GET',
      path: published,
      what: 'read the definition of Dataflow',
      signal,
    })
    const theirs = components.schemas['dev.dyninka.v1.Dataflow']
    if (!theirs) return
    const before = this.#found
    const trouble = outdated(lackingIn(theirs, own))
    this.#found = trouble
    // An API server publishes a new definition a moment after it has taken it: what is wrong must be so twice.
    const isNew = trouble?.message !== this.#trouble?.message
    if (!isNew || (trouble && trouble.message !== before?.message)) return
    this.#trouble = trouble
    if (trouble) {
      const { reason, message, hint } = trouble
      log.warn({ reason, message, hint }, 'the definition of Dataflow is older than this controller')
    } else log.info('the definition of Dataflow is up to date again')
    onChange()
  }
}

/** Fields and values of `own` that are not in `theirs`, like `status.functions[].phase`. Of a field that is lacking, its
 *  own fields are not told. Pure. */
export function lackingIn(theirs: Schema, own: Schema, path = ''): string[] {
  if (theirs['x-kubernetes-preserve-unknown-fields']) return []
  const fields = Object.entries(own.properties ?? {}).flatMap(([name, field]) => {
    const at = path === '' ? name : `${path}.${name}`
    const known = theirs.properties?.[name]
    return known ? lackingIn(known, field, at) : [at]
  })
  const values = theirs.enum ? (own.enum ?? []).filter(value => !theirs.enum!.includes(value)) : []
  return [
    ...fields,
    ...(own.items ? lackingIn(theirs.items ?? {}, own.items, `${path}[]`) : []),
    ...values.map(value => `${path}: ${value}`),
  ]
}

function outdated(lacking: string[]): Problem | undefined {
  if (lacking.length === 0) return undefined
  const more = lacking.length > shown ? ` and ${lacking.length - shown} more` : ''
  const message = `the definition of Dataflow on this cluster is older than this controller, and lacks ${lacking.slice(0, shown).join(', ')}${more}`
  return new Problem('DefinitionOutdated', message, { disposition: 'waiting', hint })
}

/** What a failure to watch Dataflows means. */
export const withoutDefinition = (error: Problem) =>
  isNotFound(error)
    ? new Problem('DefinitionMissing', 'this cluster has no definition of Dataflow, dyninka.dev/v1', {
        disposition: 'waiting',
        hint,
        cause: error,
      })
    : error

let parsed: Promise<Schema> | undefined
const ownSchema = () =>
  (parsed ??= readFile(new URL('../../charts/dyninka/files/dataflows.yaml', import.meta.url), 'utf8').then(
    text => {
      const { spec } = load(text) as {
        spec: { versions: { name: string; schema: { openAPIV3Schema: Schema } }[] }
      }
      return spec.versions.find(({ name }) => name === 'v1')!.schema.openAPIV3Schema
    },
  ))

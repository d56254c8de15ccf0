import { gunzipSync, gzipSync } from 'node:zlib'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { DeclaredLink } from '../../schema/declared-link.ts'
import { Problem } from '../../schema/problem.ts'
import type { NodeState } from '../orchestrator/orchestrator.ts'
import { headerSchema, windowSchema } from './file-schema.ts'
import type { Window } from './window.ts'

/** The first line of a file of telemetry: of what it is. `docs/telemetry.md` */
export interface TelemetryHeader {
  v: 1
  kind: 'dyninka-telemetry'
  flow: string
  /** When it was exported, and from when on it tells; ISO 8601. */
  at: string
  since: string
  /** As applied then. */
  revision: string
  /** The dataflow's own, as `mqtt://host:port`. */
  broker: string
  /** Zones with a broker for what is sent from there; absent: none. */
  zoneBrokers?: string[]
  graph: TelemetryNode[]
  /** Those that ran then. */
  hosts: { function: string; node: string }[]
  /** By name of what fled from its node and stays elsewhere, since going back does not pay: the node that it would run on.
   *  Absent: nothing does. */
  homes?: Record<string, string>
  nodes: NodeState[]
  /** As declared; what was measured is in the windows. */
  links?: DeclaredLink[]
  /** Of the dataflow's own broker, where that was declared. */
  brokerZone?: string
}

export interface TelemetryNode {
  name: string
  kind: 'source' | 'function' | 'sink'
  from: { node: string; output: string }[]
  /** The time of its records is what a field of theirs says. */
  hasEventTime?: true
}

export interface TelemetryFile {
  header: TelemetryHeader
  /** Oldest first. */
  windows: Window[]
}

/** When it was exported, ms since the epoch: all figures are looked at as of then. */
export const atOf = ({ at }: Pick<TelemetryHeader, 'at'>) => Date.parse(at)

/** Far more than an export of a week has. */
const maxBytes = 512 * 1024 * 1024

/** @param isCompressed with gzip */
export function writeTelemetry({ header, windows }: TelemetryFile, isCompressed: boolean): Buffer {
  const text = [header, ...windows].map(line => `${JSON.stringify(line)}\n`).join('')
  return isCompressed ? gzipSync(text) : Buffer.from(text)
}

/** @param content JSON lines, or those with gzip @param name of the file, for messages
 *  @throws Problem when it is no telemetry, with the line */
export function readTelemetry(content: Uint8Array, name: string): TelemetryFile {
  const lines = textOf(content, name).split('\n')
  if (lines.at(-1) === '') lines.pop()
  const [headerCheck, windowCheck] = checks()
  const header = read<TelemetryHeader>(lines[0] ?? '', 1, headerCheck, name)
  const windows = lines.slice(1).map((line, i) => read<Window>(line, i + 2, windowCheck, name))
  for (const [i, window] of windows.entries()) {
    const before = windows[i - 1]
    if (before && window.start < before.start) throw bad(name, i + 2, 'it is older than the line before')
  }
  return { header, windows }
}

function textOf(content: Uint8Array, name: string): string {
  const isCompressed = content[0] === 0x1f && content[1] === 0x8b
  if (!isCompressed) return Buffer.from(content).toString()
  try {
    return gunzipSync(content, { maxOutputLength: maxBytes }).toString()
  } catch (cause) {
    throw new Problem('TelemetryUnreadable', `${name} cannot be decompressed: ${(cause as Error).message}`, {
      hint: 'It may be cut off: export it again.',
      cause,
    })
  }
}

function read<T>(line: string, number: number, check: ValidateFunction, name: string): T {
  let document: unknown
  try {
    document = JSON.parse(line)
  } catch {
    throw bad(name, number, 'it is no JSON')
  }
  if (check(document)) return document as T
  const { v } = (document ?? {}) as { v?: unknown }
  if (typeof v === 'number' && v !== 1) throw bad(name, number, `it is of version ${v}, and this one reads 1`)
  const [error] = check.errors!
  throw bad(name, number, `${error!.instancePath || 'it'} ${error!.message}`)
}

const bad = (name: string, line: number, what: string) =>
  new Problem('TelemetryUnreadable', `${name} is no telemetry, at line ${line}: ${what}`, {
    hint: '`dyninka telemetry export -o FILE` writes one; docs/telemetry.md describes it.',
  })

let compiled: [ValidateFunction, ValidateFunction] | undefined

function checks() {
  if (!compiled) {
    const ajv = new Ajv2020()
    compiled = [ajv.compile(headerSchema), ajv.compile(windowSchema)]
  }
  return compiled
}

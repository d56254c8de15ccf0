import type { Stream, WiredInput, Wiring } from '../schema/wiring.ts'

/** @returns undefined for an empty payload, which clears
 *  @throws when it is no wiring: a foreign client's, or of a newer version */
export function readWiring(payload: Buffer): Wiring | undefined {
  if (payload.length === 0) return undefined
  let wiring: Wiring
  try {
    wiring = JSON.parse(payload.toString()) as Wiring
  } catch {
    throw new Error('wiring that is not JSON')
  }
  const isWiring =
    wiring !== null &&
    typeof wiring === 'object' &&
    (wiring.v === 1 || wiring.v === 2) &&
    Number.isSafeInteger(wiring.revision) &&
    Number.isSafeInteger(wiring.partitions) &&
    Number.isSafeInteger(wiring.concurrency) &&
    typeof wiring.retry === 'object' &&
    Array.isArray(wiring.inputs) &&
    wiring.inputs.every(isInput) &&
    isOutputs(wiring.outputs) &&
    (wiring.kind !== 'source' || typeof wiring.source?.spec === 'object')
  if (!isWiring) throw new Error('wiring that is not of version 1 or 2')
  return wiring
}

/** 0 for what is no wiring. */
export function revisionIn(payload: Buffer): number {
  try {
    return readWiring(payload)?.revision ?? 0
  } catch {
    return 0
  }
}

const isInput = (input: WiredInput | null) =>
  [input?.node, input?.output, input?.stream, input?.broker ?? ''].every(part => typeof part === 'string')

const isOutputs = (outputs: Wiring['outputs'] | null) =>
  outputs !== null &&
  typeof outputs === 'object' &&
  Object.values(outputs).every(streams => Array.isArray(streams) && streams.every(isStream))

const isStream = (stream: Stream | null) =>
  typeof stream?.name === 'string' &&
  typeof (stream.broker ?? '') === 'string' &&
  Number.isSafeInteger(stream.shards) &&
  stream.shards > 0 &&
  Number.isSafeInteger(stream.window) &&
  Array.isArray(stream.consumers)

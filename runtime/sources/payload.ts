import type { SourceSpec } from '../../schema/flow.ts'
import { type Emitted, givenOf } from '../emitted.ts'
import { keyAt } from '../key.ts'

export const maxPayloadBytes = 1024 * 1024

/** Why a payload is no record. */
export interface Rejection {
  reason: string
  message: string
}

/** What has come from outside, as a record. */
export function readPayload(payload: Buffer, spec: SourceSpec): Emitted | Rejection {
  if (payload.length > maxPayloadBytes) {
    return {
      reason: 'too-large',
      message: `the payload has ${payload.length} bytes, over the limit of ${maxPayloadBytes}`,
    }
  }
  const text = payload.toString()
  if (spec.type === 'mqtt' && spec.format === 'text') return givenOf('default', text)
  try {
    return givenOf('default', JSON.parse(text))
  } catch (error) {
    return {
      reason: 'not-json',
      message: `the payload is not JSON: ${(error as Error).message}; for plain text, give the source "format: text"`,
    }
  }
}

/** The event time in a field: ISO 8601, or ms since the epoch. */
export function timeAt(value: unknown, path: string | undefined): number | undefined {
  const text = path === undefined ? undefined : keyAt(value, path)
  if (text === undefined) return undefined
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  return Number.isSafeInteger(time) ? time : undefined
}

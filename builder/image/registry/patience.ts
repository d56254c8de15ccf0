import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../../../schema/problem.ts'
import { Limited } from './refusal.ts'

export interface Patience {
  /** How often something is tried, the first time included. */
  attempts: number
  /** Wait after the first one; each next wait is twice as long, give or take a quarter. */
  firstMs: number
  /** No wait is longer: a registry that asks for more is left to a later pass. */
  maxMs: number
}

export const usualPatience: Patience = { attempts: 6, firstMs: 100, maxMs: 10_000 }

/** Does something until it succeeds. Only what may mend itself is tried again. @throws what the last attempt did */
export async function patiently<Result>(
  attempt: () => Promise<Result>,
  patience: Patience,
  signal?: AbortSignal,
): Promise<Result> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt()
    } catch (error) {
      const waitMs = waitAfter(error, attempts, patience)
      if (waitMs === undefined) throw error
      await sleep(waitMs, undefined, signal && { signal })
    }
  }
}

/** ms; undefined: not again. */
export function waitAfter(error: unknown, attempts: number, patience: Patience): number | undefined {
  const isLast = attempts >= patience.attempts
  if (isLast || !(error instanceof Problem) || error.disposition !== 'transient') return undefined
  const asked = error instanceof Limited ? error.retryAfterMs : undefined
  if (asked !== undefined && asked > patience.maxMs) return undefined
  const own = Math.min(patience.maxMs, patience.firstMs * 2 ** (attempts - 1)) * (0.75 + Math.random() / 2)
  return Math.max(own, asked ?? 0)
}

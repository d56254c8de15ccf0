import { setTimeout as sleep } from 'node:timers/promises'
import type { Context, Setup } from 'dyninka'
import { shared } from './fold.ts'

/** What a function does before its first record; a bad push makes it fail, or never end. */
export const begin =
  (version: number, fault: string): Setup =>
  async ({ log }) => {
    log.info('starts', { version, shared })
    if (fault === 'setup') throw new Error('setup fails')
    if (fault === 'exit') process.exit(3)
    if (fault === 'hang') await new Promise(() => setInterval(() => {}, 1_000))
  }

export function load(fault: string) {
  if (fault === 'load') throw new Error('does not load')
}

/** Handles nothing before the time that a push has set, in ms since 1970. */
export async function stall({ env }: Pick<Context, 'env'>): Promise<void> {
  const ms = Number(env.STALL_UNTIL) - Date.now()
  if (ms > 0) await sleep(ms)
}

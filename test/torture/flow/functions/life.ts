import type { Setup } from 'dyninka'
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

import { setTimeout as sleep } from 'node:timers/promises'

/** @throws when it does not hold in time */
export async function until(what: string, holds: () => boolean, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`gave up waiting: ${what}`)
    await sleep(5)
  }
}

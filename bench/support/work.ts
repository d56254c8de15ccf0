import { setTimeout as sleep } from 'node:timers/promises'

/** What is longer between two looks at the clock was somebody else's time on the core. */
const takenMs = 0.05

/** Needs one core for a millisecond, however busy the machine is. CPU time as the kernel counts it can go in steps of 4 ms. */
export function burn(record: unknown): unknown {
  let usedMs = 0
  for (let before = performance.now(); usedMs < 1; ) {
    const now = performance.now()
    if (now - before < takenMs) usedMs += now - before
    before = now
  }
  return record
}

export async function wait(record: unknown): Promise<unknown> {
  await sleep(10)
  return record
}

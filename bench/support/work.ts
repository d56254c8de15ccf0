import { setTimeout as sleep } from 'node:timers/promises'

/** Needs one core for a millisecond of its own CPU time, however busy the machine is. */
export function burn(record: unknown): unknown {
  const used = () => {
    const { user, system } = process.threadCpuUsage()
    return user + system
  }
  const end = used() + 1_000
  while (used() < end);
  return record
}

export async function wait(record: unknown): Promise<unknown> {
  await sleep(10)
  return record
}

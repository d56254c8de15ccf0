import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// It is empty: a file without content needs no room on a full disk.
const markIn = (state: string) => join(state, 'broker-unsaved')

/** For who waits for the end of the broker: it was asked to end, could not save its sessions, and goes on. */
export function markUnsaved(state: string): void {
  try {
    writeFileSync(markIn(state), '')
  } catch {} // who waits finds that it still answers, later
}

export const isMarkedUnsaved = (state: string) => existsSync(markIn(state))
export const clearUnsaved = (state: string) => rmSync(markIn(state), { force: true })

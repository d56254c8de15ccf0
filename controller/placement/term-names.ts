import type { Terms } from './evaluate.ts'

/** As the terms are called in `docs/placement.md`. */
export const termNames: readonly [term: keyof Terms, name: string][] = [
  ['network', 'network'],
  ['latency', 'latency'],
  ['overload', 'overload'],
  ['node', 'node'],
  ['preference', 'preference'],
  ['migration', 'moving'],
]

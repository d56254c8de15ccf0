import { createHash } from 'node:crypto'
import type { Proposal, ProposedMove } from './proposal.ts'

/** What is kept in a pull request for whoever comes next. */
export interface Marker {
  v: 1
  digest: string
  worth: number
  moves: ProposedMove[]
  before: string
  /** Where its telemetry is. */
  telemetry?: string
  /** Labels and reviewers are not there yet. */
  bare?: true
  /** It was closed because nothing spoke for it any more: no person has declined it. */
  withdrawn?: true
  /** What came of it was told. */
  told?: true
}

export const markerOf = ({ digest, worth, moves, before }: Proposal): Marker => ({
  v: 1,
  digest,
  moves,
  worth: Number(worth.toPrecision(2)), // not every breath is news
  before: createHash('sha256').update(before).digest('hex').slice(0, 16),
})

const pattern = /^<!-- dyninka (\{.*\}) -->\s*$/m
const written = (marker: Marker) => `<!-- dyninka ${JSON.stringify(marker)} -->`

/** The body of a pull request, with what nobody reads. */
export const marked = (body: string, marker: Marker) => `${body}\n${written(marker)}\n`

/** The same body with another marker. */
export const remarked = (body: string, marker: Marker) => body.replace(pattern, () => written(marker))

export function markerIn(body: string): Marker | undefined {
  const [, json] = pattern.exec(body) ?? []
  try {
    const marker = JSON.parse(json ?? 'null') as Marker | null
    return marker?.v === 1 ? marker : undefined
  } catch {
    return undefined
  }
}

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeclaredLink } from '../../../schema/declared-link.ts'
import type { DeclaredNode } from '../../../schema/declared-node.ts'
import { editPlacement } from '../../../schema/edit.ts'

const architecture = process.arch === 'x64' ? 'amd64' : process.arch
const node = (name: string, zone: string): DeclaredNode => ({
  name,
  zone,
  arch: architecture,
  labels: {},
  cpu: 4_000,
  memory: 8 * 2 ** 30,
})

export const nodes = [node('gateway-1', 'edge-1'), node('gateway-2', 'edge-2'), node('server', 'cloud')]

export const links: DeclaredLink[] = [
  { zones: ['edge-1', 'cloud'], rttMs: 40, bytesPerSecond: 500_000 },
  { zones: ['edge-2', 'cloud'], rttMs: 60, bytesPerSecond: 500_000 },
  { zones: ['edge-1', 'edge-2'], rttMs: 20, bytesPerSecond: 1_000_000 },
]

export const brokerZone = 'edge-1'

export const zoneOf = (nodeName: string) => nodes.find(({ name }) => name === nodeName)?.zone ?? nodeName

/** As it could be read in the `dataflow.yaml` of somebody who has begun in the cloud. */
export const decided: Record<string, { zone: string; keep?: true }> = {
  gateways: { zone: 'edge-1', keep: true },
  stations: { zone: 'edge-2', keep: true },
  'to-senml': { zone: 'cloud' },
  parse: { zone: 'cloud' },
  'range-filter': { zone: 'cloud' },
  'known-devices': { zone: 'cloud' },
  interpolate: { zone: 'cloud' },
  join: { zone: 'cloud' },
  annotate: { zone: 'cloud', keep: true }, // where its table is kept
  publish: { zone: 'cloud', keep: true },
  console: { zone: 'cloud', keep: true },
}

/** Decides in a `dataflow.yaml` where all of it runs: what people stand by is kept, the rest of it is placed badly. */
export async function placeBadly(dir: string): Promise<void> {
  const path = join(dir, 'dataflow.yaml')
  const zones = Object.fromEntries(Object.entries(decided).map(([name, { zone }]) => [name, { zone }]))
  let text = editPlacement(await readFile(path, 'utf8'), zones)
  for (const [name, { zone, keep }] of Object.entries(decided)) {
    if (!keep) continue
    const entry = new RegExp(`(^  ${name}:[\\s\\S]*?placement: \\{ zone: ${zone}) \\}`, 'm')
    text = text.replace(entry, '$1, keep: true }')
  }
  await writeFile(path, text)
}

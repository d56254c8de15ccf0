import type { DeclaredNode } from '../declared-node.ts'
import type { Entry } from '../draft.ts'
import { cpuMillis, memoryBytes } from '../quantity.ts'
import { listed } from '../suggest.ts'

/** One thing that an entry asks of its node. */
export interface Constraint {
  /** Path below the entry. */
  path: (string | number)[]
  words: string
  holds(node: DeclaredNode): boolean
  /** The name that is asked for, and the names there are. */
  named?: { name: string; of(node: DeclaredNode): string | undefined }
}

/** By entry: the nodes that it may run on; none where what is wrong is told already. */
export type Candidates = Map<string, DeclaredNode[]>

/** Where it was decided to run. */
export function* decided({
  node,
  zone,
}: {
  node?: string | undefined
  zone?: string | undefined
}): Iterable<Constraint> {
  if (node !== undefined) {
    const named = { name: node, of: (other: DeclaredNode) => other.name }
    yield {
      path: ['placement', 'node'],
      words: `is called \`${node}\``,
      holds: other => other.name === node,
      named,
    }
  }
  if (zone !== undefined) {
    const named = { name: zone, of: (other: DeclaredNode) => other.zone }
    yield {
      path: ['placement', 'zone'],
      words: `is in zone \`${zone}\``,
      holds: other => other.zone === zone,
      named,
    }
  }
}

/** What it can't do without. */
export function* required(entry: Entry): Iterable<Constraint> {
  const { require } = entry.placement ?? {}
  const arch = require?.arch?.filter(name => name !== undefined)
  if (arch) {
    const holds = (other: DeclaredNode) => arch.some(name => name === other.arch)
    yield {
      path: ['placement', 'require', 'arch'],
      words: `has the architecture ${listed(arch, 'or')}`,
      holds,
    }
  }
  for (const [label, value] of Object.entries(require?.labels ?? {})) {
    if (value === undefined) continue
    const holds = ({ labels = {} }: DeclaredNode) =>
      value === 'exists' ? Object.hasOwn(labels, label) : labels[label] === value
    const words = value === 'exists' ? `has the label \`${label}\`` : `has the label \`${label}: ${value}\``
    yield { path: ['placement', 'require', 'labels', label], words, holds }
  }
  if (entry.kind === 'function') yield* sizes(entry.spec.resources ?? {})
}

function* sizes({
  cpu,
  memory,
}: {
  cpu?: string | number | undefined
  memory?: string | number | undefined
}) {
  if (cpu !== undefined) {
    const holds = (node: DeclaredNode) => (node.cpu ?? Number.POSITIVE_INFINITY) >= cpuMillis(cpu)
    yield { path: ['resources', 'cpu'], words: `has a processor of ${cpu}`, holds }
  }
  if (memory !== undefined) {
    const holds = (node: DeclaredNode) => (node.memory ?? Number.POSITIVE_INFINITY) >= memoryBytes(memory)
    yield { path: ['resources', 'memory'], words: `has ${memory} of memory`, holds }
  }
}

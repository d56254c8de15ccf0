import type { DeclaredNode } from '../declared-node.ts'
import type { Draft, Entry } from '../draft.ts'
import { durationMs } from '../duration.ts'
import type { Finding } from '../finding.ts'
import { cpuMillis, memoryBytes } from '../quantity.ts'
import { didYouMean, listed } from '../suggest.ts'
import { below } from '../yaml-document.ts'

/** Whether there is a node for everything. Where nothing is declared, nothing is known, so nothing is wrong. */
export function nodes(draft: Draft, declared: readonly DeclaredNode[] | undefined): Finding[] {
  if (!declared || declared.length === 0) return []
  const findings: Finding[] = []
  const candidates = new Map<string, DeclaredNode[]>()
  for (const entry of draft.entries.values()) {
    let left = [...declared]
    for (const constraint of constraints(entry)) {
      const fit = left.filter(constraint.holds)
      if (fit.length === 0) {
        findings.push(unsatisfied(draft, entry, constraint, left, declared))
        left = []
        break
      }
      left = fit
    }
    candidates.set(entry.name, left)
  }
  return [...findings, ...[...draft.entries.values()].flatMap(entry => [...tooFar(draft, entry, candidates)])]
}

interface Constraint {
  /** Path below the entry. */
  path: (string | number)[]
  words: string
  holds(node: DeclaredNode): boolean
  /** The name that is asked for, and the names there are. */
  named?: { name: string; of(node: DeclaredNode): string | undefined }
}

function* constraints(entry: Entry): Iterable<Constraint> {
  const { node, zone, require } = entry.placement ?? {}
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

function unsatisfied(
  draft: Draft,
  entry: Entry,
  { path, words, named, holds }: Constraint,
  left: DeclaredNode[],
  declared: readonly DeclaredNode[],
): Finding {
  const pointer = below(entry.pointer, ...path)
  const others = declared.filter(holds)
  if (others.length > 0) {
    const message = `No node ${words} and also fits the rest of what \`${entry.name}\` asks for.`
    const hint = `Give up one of the two: ${listed(others.map(node => node.name))} would fit this rule, ${listed(left.map(node => node.name))} the rest.`
    return draft.at(pointer, 'placement-contradiction', message, hint)
  }
  const known = [...new Set(declared.map(node => named?.of(node)).filter(name => name !== undefined))]
  const choice = named
    ? `There are ${listed(known)}.`
    : `Change the rule, or add such a node. There are ${listed(declared.map(node => node.name))}.`
  const hint = named ? didYouMean(named.name, known, choice) : choice
  return draft.at(pointer, 'no-node', `No node ${words}.`, hint)
}

/** A `near` that holds for no pair of nodes, going by round trips that are known. */
function* tooFar(draft: Draft, entry: Entry, candidates: Map<string, DeclaredNode[]>): Iterable<Finding> {
  for (const [index, near] of (entry.placement?.near ?? []).entries()) {
    const own = candidates.get(entry.name) ?? []
    const other = candidates.get(near?.function ?? '') ?? []
    if (!near?.function || near.maxRtt === undefined || own.length === 0 || other.length === 0) continue
    const maxMs = durationMs(near.maxRtt)
    const trips = own.flatMap(a => other.map(b => roundTrip(a, b)))
    const best = Math.min(...trips)
    if (best <= maxMs) continue
    const message = `\`${entry.name}\` can't be within ${near.maxRtt} of \`${near.function}\`: the nearest nodes are ${best}ms apart.`
    const pointer = below(entry.pointer, 'placement', 'near', index, 'maxRtt')
    yield draft.at(
      pointer,
      'placement-contradiction',
      message,
      'Allow a longer round trip, or change the zone of one of them.',
    )
  }
}

/** Unknown counts as near: a rule is broken only by what is known. */
function roundTrip(a: DeclaredNode, b: DeclaredNode): number {
  if (a.zone === undefined || b.zone === undefined || a.zone === b.zone) return 0
  return a.rttMs?.[b.zone] ?? b.rttMs?.[a.zone] ?? 0
}

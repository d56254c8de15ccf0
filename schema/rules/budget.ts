import type { DeclaredNode } from '../declared-node.ts'
import type { Draft } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { didYouMean, listed } from '../suggest.ts'
import { below } from '../yaml-document.ts'

/** A goal and a budget that nothing can be counted by, or that what is decided breaks by itself. */
export function budget(draft: Draft, declared: readonly DeclaredNode[] = []): Finding[] {
  return [...priceless(draft), ...names(draft, declared), ...decided(draft)]
}

function* priceless(draft: Draft): Iterable<Finding> {
  const { goal, budget } = draft
  if (budget?.prices !== undefined) return
  const hint = 'Say what nodes cost: `budget: { prices: { zones: { cloud: 4.8 } } }`.'
  if (goal?.cost !== undefined)
    yield draft.at(
      '/goal/cost',
      'no-prices',
      'The goal counts the cost of nodes, and no node has a price.',
      hint,
    )
  if (budget?.cost !== undefined)
    yield draft.at(
      '/budget/cost',
      'no-prices',
      'The budget bounds the cost of nodes, and no node has a price.',
      hint,
    )
}

/** Prices of what is not there. */
function* names(draft: Draft, declared: readonly DeclaredNode[]): Iterable<Finding> {
  if (declared.length === 0) return
  const known = {
    nodes: declared.map(({ name }) => name),
    zones: [...new Set(declared.flatMap(({ zone }) => zone ?? []))],
  }
  for (const kind of ['nodes', 'zones'] as const) {
    for (const name of Object.keys(draft.budget?.prices?.[kind] ?? {})) {
      if (known[kind].includes(name)) continue
      const message = kind === 'nodes' ? `No node is called \`${name}\`.` : `No node is in zone \`${name}\`.`
      const hint = didYouMean(name, known[kind], `There are ${listed(known[kind])}.`)
      yield draft.at(below('/budget/prices', kind, name), 'no-node', message, hint)
    }
  }
}

/** Nodes that are decided on, and cost more than all may. */
function* decided(draft: Draft): Iterable<Finding> {
  const { cost, prices } = draft.budget ?? {}
  if (cost === undefined) return
  const lines = new Map<string, number>()
  for (const { placement, pointer } of draft.entries.values()) {
    const { node } = placement ?? {}
    if (node === undefined || prices?.nodes?.[node] === undefined || lines.has(node)) continue
    lines.set(node, draft.line(below(pointer, 'placement', 'node')))
  }
  const sum = [...lines.keys()].reduce((sum, node) => sum + prices!.nodes![node]!, 0)
  if (sum <= cost) return
  const each = [...lines].map(([node, line]) => `${node} (line ${line})`)
  const message = `All nodes together may cost ${cost} a day, but ${listed(each)}, decided on, cost ${Number(sum.toFixed(6))}.`
  yield draft.at('/budget/cost', 'budget-contradiction', message, 'Allow more, or decide on other nodes.')
}

import type { Desired } from '../../controller/desired.ts'
import type { Observed } from '../../controller/plan.ts'
import { countsOf, isSameCut } from '../../controller/repartition.ts'
import type { Content } from '../../schema/wiring.ts'

export interface Change {
  action: string
  /** One line for people. */
  description: string
}

/** What becomes of nodes that run, apart from their code: other inputs, other settings, their end.
 *  Outputs follow from the inputs of others. */
export function rewired(
  { contents }: Pick<Desired, 'contents'>,
  { wirings }: Pick<Observed, 'wirings'>,
): Change[] {
  const removed = Object.keys(wirings)
    .filter(node => !(node in contents))
    .map(node => ({
      action: 'remove',
      description: `remove ${node}: its hosts stop, and nothing of it stays behind`,
    }))
  const kept = Object.entries(contents).flatMap(([node, content]): Change[] => {
    const wiring = wirings[node]
    if (!wiring) return []
    const [before, after] = [inputsOf(wiring), inputsOf(content)]
    const cut = wiring.next ?? wiring
    const changes: Change[] = isSameCut(cut, content)
      ? []
      : [{ action: 'repartition', description: `repartition ${node} ${countsOf(cut, content)}` }]
    if (before !== after) {
      changes.push({ action: 'rewire', description: `rewire ${node}: reads ${after} instead of ${before}` })
      return changes
    }
    const changed = settings(content).filter(name => !isSame(content[name], wiring[name]))
    if (changed.length === 0) return changes
    const description = `adjust ${node} without a restart: ${changed.join(', ')}`
    return [...changes, { action: 'adjust', description }]
  })
  return [...kept, ...removed]
}

const inputsOf = ({ inputs }: Pick<Content, 'inputs'>) =>
  inputs
    .map(({ node, output }) => (output === 'default' ? node : `${node}.${output}`))
    .sort()
    .join(', ')

const settings = (content: Content) =>
  (Object.keys(content) as (keyof Content)[]).filter(
    name => !['inputs', 'outputs', 'partitions'].includes(name),
  )

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

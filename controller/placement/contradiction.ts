import { Draft } from '../../schema/draft.ts'
import { type Finding, sortFindings } from '../../schema/finding.ts'
import { parseYaml } from '../../schema/parse-yaml.ts'
import { decisionOf, setsOf, whereShared } from '../../schema/rules/decisions.ts'
import { SourceText } from '../../schema/source-text.ts'
import { listed } from '../../schema/suggest.ts'
import { below } from '../../schema/yaml-document.ts'

const code = 'placement-contradiction'

/** A rule of the file, in words, and where it is written. */
interface Written {
  pointer: string
  says: string
}

/**
 * Where the rules of a conflict are written: a finding for each, which names the others. What a node offers is written
 * nowhere; it is named in all of them. Pure.
 *
 * @param rules as `conflictOf` names them @param text of a `dataflow.yaml` without findings, from which they come
 */
export function contradictionOf(rules: readonly string[], text: string, file = 'dataflow.yaml'): Finding[] {
  const { document } = parseYaml(new SourceText(file, text))
  if (rules.length === 0 || !document) return []
  const draft = new Draft(document, [])
  const written = rules.flatMap(rule => writtenOf(draft, rule) ?? [])
  const limits = limitsOf(rules)
  // Without a line of its own, a limit of nodes is one on what the functions need together.
  const told = written.length > 0 ? written : [{ pointer: '/functions', says: 'these run somewhere' }]
  const places = new Map(told.map(({ pointer, says }) => [pointer, says]))
  const findings = [...places].map(([pointer, says]) => {
    const others = [...places]
      .filter(([other]) => other !== pointer)
      .map(([other, what]) => `line ${draft.line(other)} (${what})`)
    const against = listed([...others, ...limits])
    return draft.at(
      pointer,
      code,
      `No placement has all of this: ${says}${against && `, with ${against}`}.`,
      written.length > 0
        ? 'Leave one of them out, or ask for less: without any one of them the others can hold.'
        : 'Add a node, or have functions ask for less in `resources`.',
    )
  })
  return sortFindings(findings, file)
}

/** What nodes offer and links carry, as far as it is part of the conflict. */
function limitsOf(rules: readonly string[]): string[] {
  const nodes = (kind: string) =>
    rules.flatMap(rule => {
      const [, name] = new RegExp(`^node\\.(.+)\\.${kind}$`).exec(rule) ?? []
      return name ?? []
    })
  const links = rules.flatMap(rule => (rule.startsWith('link.') ? [rule.slice('link.'.length)] : []))
  const offered = (names: string[], what: string) =>
    names.length > 0 ? [`the ${what} of ${listed(names)}`] : []
  return [
    ...offered(nodes('cpu'), 'cores'),
    ...offered(nodes('memory'), 'memory'),
    ...offered(links, 'bandwidth'),
  ]
}

function writtenOf(draft: Draft, rule: string): Written | undefined {
  if (rule === 'budget.money') return { pointer: '/budget/cost', says: 'the budget' }
  const [name = '', kind, ...rest] = rule.split('.')
  const entry = draft.entries.get(name)
  if (!entry || rule.startsWith('node.') || rule.startsWith('link.')) return undefined
  const at = (...steps: (string | number)[]) => below(entry.pointer, 'placement', ...steps)
  const other = rest.join('.')
  const { placement } = entry
  const sets = setsOf(draft)
  switch (kind) {
    case 'require': {
      const label = rest.slice(1).join('.')
      if (rest[0] === 'arch')
        return { pointer: at('require', 'arch'), says: `\`${name}\` needs its architecture` }
      return { pointer: at('require', 'labels', label), says: `\`${name}\` needs the label \`${label}\`` }
    }
    case 'near': {
      const index = placement?.near?.findIndex(near => near?.function === other) ?? 0
      return { pointer: at('near', index), says: `\`${name}\` is near \`${other}\`` }
    }
    case 'apart':
      return {
        pointer: at('apart', placement?.apart?.indexOf(other) ?? 0),
        says: `\`${name}\` is apart from \`${other}\``,
      }
    case 'with':
      return {
        pointer: whereShared(draft, name, other, sets.get(name) ?? [name, other]),
        says: `\`${name}\` shares a node with \`${other}\``,
      }
    case 'keep': {
      const keeper = (sets.get(name) ?? [name]).find(member => draft.entries.get(member)?.placement?.keep)
      const pointer = draft.entries.get(keeper ?? name)!.pointer
      return { pointer: below(pointer, 'placement', 'keep'), says: `\`${name}\` stays where it is` }
    }
    case 'zone':
    case 'node': {
      const decided = decisionOf(draft, name, sets)[kind]
      return decided && { pointer: decided.pointer, says: `\`${name}\` is in ${kind} \`${decided.value}\`` }
    }
    default:
      return undefined
  }
}

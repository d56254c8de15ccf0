import type { Draft, WrittenInput } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { showInput } from '../input.ts'
import { didYouMean, listed } from '../suggest.ts'

/** Every `from` names a source, or an output of a function. */
export function inputs(draft: Draft): Finding[] {
  return [...draft.entries.values(), ...draft.namesakes].flatMap(entry => {
    const seen = new Set<string>()
    return draft.inputs(entry).flatMap(input => {
      const finding = problem(draft, input) ?? repeated(draft, input, seen)
      seen.add(showInput(input))
      return finding ?? []
    })
  })
}

function problem(draft: Draft, { node, output, text, pointer }: WrittenInput): Finding | undefined {
  const producer = draft.entries.get(node)
  if (!producer) {
    if (draft.incomplete) return
    const producers = [...draft.entries.values()]
      .filter(entry => entry.kind !== 'sink')
      .map(entry => entry.name)
    const choice = `What can be read here: ${listed(producers)}.`
    const message = `There is no source or function \`${node}\`.`
    return draft.at(pointer, 'unknown-from', message, didYouMean(node, producers, choice))
  }
  if (producer.kind === 'sink') {
    const message = `\`${node}\` is a sink: nothing can be read from it.`
    const hint = 'Read from what the sink reads from.'
    return draft.at(pointer, 'from-sink', message, hint)
  }
  if (producer.kind === 'source' && output !== 'default') {
    const message = `\`${node}\` is a source: it has no output \`${output}\`.`
    return draft.at(pointer, 'unknown-output', message, `Write \`${node}\` instead of \`${text}\`.`)
  }
}

function repeated(draft: Draft, input: WrittenInput, seen: Set<string>): Finding | undefined {
  if (!seen.has(showInput(input))) return
  return draft.at(input.pointer, 'repeated', `\`${input.text}\` is read twice here.`, 'Keep it once.')
}

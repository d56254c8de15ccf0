import type { Draft } from '../draft.ts'
import type { Finding } from '../finding.ts'

/** A name stands for one thing only, since `from` and topics name sources, functions and sinks alike. */
export function names(draft: Draft): Finding[] {
  return draft.namesakes.map(({ name, kind, pointer }) => {
    const first = draft.entries.get(name)!
    const { line } = draft.document.source.position(draft.document.keyAt(first.pointer))
    const message = `The ${kind} \`${name}\` has the name of the ${first.kind} on line ${line}.`
    return draft.atKey(pointer, 'duplicate-name', message, 'Give one of the two another name.')
  })
}

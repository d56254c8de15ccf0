import type { Draft } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { below } from '../yaml-document.ts'

/** Records pass one another by key: without one there is nothing to tell which may. */
export function retries(draft: Draft): Finding[] {
  return [...draft.entries.values()].flatMap(entry => {
    if (entry.kind === 'source' || entry.spec.retry?.order !== 'relaxed') return []
    if (entry.kind === 'function' && entry.spec.key !== undefined) return []
    const what = entry.kind === 'function' ? 'This function has no key' : 'A sink has no key'
    const hint =
      entry.kind === 'function' ? 'Give it a `key`, or write `strict`.' : 'Write `strict`, or leave it out.'
    const message = `${what}, so no record may pass one that failed.`
    return draft.at(below(entry.pointer, 'retry', 'order'), 'relaxed-without-key', message, hint)
  })
}

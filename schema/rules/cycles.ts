import type { Draft } from '../draft.ts'
import type { Finding } from '../finding.ts'

/** Records flow one way: a cycle is told once, at the first of its functions that is reached, with its whole path. */
export function cycles(draft: Draft): Finding[] {
  const done = new Set<string>()
  const findings: Finding[] = []
  for (const start of draft.entries.keys()) {
    // A path of its own rather than recursion: a chain of thousands of functions is fine.
    const path = [{ name: start, inputs: inputsOf(draft, start, done) }]
    const onPath = new Set([start])
    while (path.length > 0) {
      const top = path.at(-1)!
      const input = top.inputs.pop()
      if (!input) {
        done.add(top.name)
        onPath.delete(top.name)
        path.pop()
      } else if (onPath.has(input.node)) {
        const names = path.map(step => step.name)
        const loop = [...names.slice(names.indexOf(input.node)), input.node]
        findings.push(cycle(draft, loop.toReversed(), input.pointer))
      } else if (!done.has(input.node)) {
        path.push({ name: input.node, inputs: inputsOf(draft, input.node, done) })
        onPath.add(input.node)
      }
    }
  }
  return findings
}

function inputsOf(draft: Draft, name: string, done: Set<string>) {
  const entry = draft.entries.get(name)
  return entry?.kind === 'function' && !done.has(name) ? draft.inputs(entry).toReversed() : []
}

function cycle(draft: Draft, loop: string[], pointer: string): Finding {
  const message = `Records would go round in a circle: ${loop.join(' → ')}.`
  const hint = 'Take one of these out of a `from`, or send what comes back to a topic of its own with a sink.'
  return draft.at(pointer, 'cycle', message, hint)
}

import type { Draft } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { below } from '../yaml-document.ts'

/** Each source is a process, so each needs a port of its own. */
export function ports(draft: Draft): Finding[] {
  const taken = new Map<number, string>()
  const findings: Finding[] = []
  for (const entry of draft.entries.values()) {
    const port = entry.kind === 'source' ? entry.spec.http?.port : undefined
    if (port === undefined) continue
    const other = taken.get(port)
    if (other === undefined) taken.set(port, entry.name)
    else {
      const message = `Port ${port} is taken by the source \`${other}\`.`
      findings.push(
        draft.at(below(entry.pointer, 'http', 'port'), 'port-taken', message, 'Choose another port.'),
      )
    }
  }
  return findings
}

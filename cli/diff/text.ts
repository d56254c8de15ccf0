import { findingsText } from '../finding-text.ts'
import { paint } from '../paint.ts'
import type { Difference } from './compare.ts'

const signs: Record<string, string> = {
  start: paint('green', '+'),
  stop: paint('red', '-'),
  remove: paint('red', '-'),
}
const changed = paint('yellow', '~')

/** The lines of `dyninka diff`. */
export function diffText(differences: Difference[]): string {
  return differences.map(section).join('\n\n')
}

function section({ name, folder, changes, findings }: Difference): string {
  if (findings.length > 0) {
    return `${paint('red', '✗')} ${paint('bold', name)}\n${findingsText(findings, folder)}`
  }
  if (changes.length === 0) return `${paint('green', '✓')} ${paint('bold', name)} runs as it is here`
  const lines = changes.map(({ action, description }) => `  ${signs[action] ?? changed} ${description}`)
  return `${paint('bold', name)}\n${lines.join('\n')}`
}

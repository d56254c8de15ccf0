import { posix } from 'node:path'

/** One thing that is wrong in what a user wrote, and what to write instead. */
export interface Finding {
  /** Relative to the checked folder, with forward slashes. */
  file: string
  /** From 1. */
  line: number
  /** From 1, in UTF-16 code units, as editors count. */
  column: number
  /** Kebab-case and stable: scripts may match on it. */
  code: string
  message: string
  hint: string
}

/** Reading order: `dataflow.yaml` first, then the other files by name, each from top to bottom. */
export function sortFindings(findings: Finding[], first: string): Finding[] {
  const rank = (finding: Finding) => (finding.file === first ? '' : finding.file)
  const order = (a: Finding, b: Finding) =>
    compare(rank(a), rank(b)) || a.line - b.line || a.column - b.column || compare(a.code, b.code)
  return findings.toSorted(order)
}

/** The same findings for a reader who stands elsewhere: `folder` is the checked folder as seen from there. */
export const rebase = (findings: Finding[], folder: string): Finding[] =>
  findings.map(finding => ({ ...finding, file: posix.join(folder, finding.file) }))

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

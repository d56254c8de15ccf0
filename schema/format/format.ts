import type { Finding } from '../finding.ts'
import { github } from './github.ts'
import { sarif } from './sarif.ts'
import { text } from './text.ts'

export const formats = ['text', 'json', 'github', 'sarif'] as const
export type Format = (typeof formats)[number]

export interface FormatOptions {
  /** The folder that the files of the findings are relative to: source lines are read from there. */
  dir: string
  /** Whether text may use colours; false if not given. */
  colour?: boolean
}

/**
 * All findings as one text, which ends with a line break unless it is empty.
 *
 * @example
 * const { findings } = await load(dir)
 * process.stdout.write(await format(findings, 'text', { dir, colour: process.stdout.isTTY }))
 */
export async function format(findings: Finding[], as: Format, options: FormatOptions): Promise<string> {
  switch (as) {
    case 'text':
      return text(findings, options)
    case 'json':
      return `${JSON.stringify({ ok: findings.length === 0, findings }, null, 2)}\n`
    case 'github':
      return github(findings)
    case 'sarif':
      return `${JSON.stringify(sarif(findings), null, 2)}\n`
  }
}

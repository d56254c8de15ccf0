import { readFile } from 'node:fs/promises'
import type { Finding } from '../../schema/finding.ts'
import { paint } from '../paint.ts'
import type { Checked } from '../validate.ts'

/** Each finding with its line of the file, then one line per dataflow that is right, then the count. */
export async function text(flows: Checked[], fromHere: (file: string) => string): Promise<string> {
  const blocks: string[] = []
  for (const flow of flows) {
    for (const finding of flow.findings)
      blocks.push(await block({ ...finding, file: fromHere(finding.file) }))
  }
  const right = flows.filter(flow => flow.findings.length === 0)
  const lines = right.map(flow => `${paint('green', '✓')} ${flow.name}: ${flow.nodes} nodes, nothing to mend`)
  const count = blocks.length
  if (count > 0) lines.push(paint('red', `✗ ${count} ${count === 1 ? 'finding' : 'findings'}`))
  return [...blocks, lines.join('\n')].join('\n\n')
}

async function block({ file, line, column, code, message, hint }: Finding): Promise<string> {
  const place = paint('bold', `${file}:${line}:${column}`)
  const source = (await linesOf(file))[line - 1]
  const gutter = String(line).length
  const quote =
    source === undefined || source.length > 300
      ? []
      : [
          `${paint('dim', `  ${line} │`)} ${source}`,
          `${paint('dim', `  ${' '.repeat(gutter)} │`)} ${margin(source, column)}${paint('red', '^')}`,
        ]
  return [`${place} ${paint('red', code)} ${message}`, ...quote, `  ${paint('cyan', '→')} ${hint}`].join('\n')
}

/** Keeps tabs, so that the mark stands under its column. */
const margin = (source: string, column: number) => source.slice(0, column - 1).replaceAll(/[^\t]/g, ' ')

const linesOf = (file: string) =>
  readFile(file, 'utf8').then(
    content => content.split(/\r?\n/),
    () => [],
  )

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { styleText } from 'node:util'
import type { Finding } from '../finding.ts'
import type { FormatOptions } from './format.ts'

type Style = Parameters<typeof styleText>[0]
type Paint = (style: Style, text: string) => string

/** For people: each finding with the line it is about, a caret under the place, and what to write instead. */
export async function text(findings: Finding[], { dir, colour = false }: FormatOptions): Promise<string> {
  const paint: Paint = colour
    ? (style, words) => styleText(style, words, { validateStream: false })
    : (_, words) => words
  const names = [...new Set(findings.map(finding => finding.file))]
  const files = new Map(
    await Promise.all(names.map(async name => [name, await linesOf(join(dir, name))] as const)),
  )
  const blocks = findings.map(finding => block(finding, files.get(finding.file)!, paint))
  return [
    ...blocks,
    paint(findings.length === 0 ? 'green' : 'bold', summary(findings.length, names.length)),
  ].join('\n')
}

/** None for a file that is gone, or too large for anyone to look at. */
async function linesOf(file: string): Promise<string[]> {
  const size = await stat(file).then(
    stats => stats.size,
    () => Number.POSITIVE_INFINITY,
  )
  return size > maxBytes ? [] : (await readFile(file, 'utf8')).split('\n')
}

const maxBytes = 1024 * 1024

function block({ file, line, column, code, message, hint }: Finding, lines: string[], paint: Paint): string {
  const place = paint('cyan', `${file}:${line}:${column}`)
  return `${place} ${paint('red', message)} ${paint('dim', `[${code}]`)}\n${frame(lines, line, column, paint)}  ${hint}\n`
}

function frame(lines: string[], line: number, column: number, paint: Paint): string {
  if (!lines[line - 1]?.trim()) return ''
  const width = String(line).length
  const row = (number: number) => {
    const { written } = window(lines[number - 1]!, number === line ? column : 1)
    return `  ${paint('dim', `${String(number).padStart(width)} |`)} ${written}\n`
  }
  const above = lines[line - 2]?.trim() ? row(line - 1) : ''
  const { indent } = window(lines[line - 1]!, column)
  return `${above}${row(line)}  ${' '.repeat(width + 3)}${' '.repeat(indent)}${paint('red', '^')}\n`
}

const maxWidth = 110

/** The part of a line to show; tabs and control characters become blanks, so that the caret stands right. */
function window(line: string, column: number): { written: string; indent: number } {
  const start = column > maxWidth - 20 ? column - maxWidth / 2 : 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would obey them
  const written = line.slice(start, start + maxWidth).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
  return { written: written.trimEnd(), indent: column - 1 - start }
}

function summary(findings: number, files: number): string {
  if (findings === 0) return 'No problems found.\n'
  return `${findings} ${findings === 1 ? 'problem' : 'problems'} in ${files} ${files === 1 ? 'file' : 'files'}.\n`
}

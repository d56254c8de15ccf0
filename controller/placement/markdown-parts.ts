/** @param rows as many cells as `head` has */
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export const fenced = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\``

export const code = (text: string) => `\`${text.replaceAll('`', '')}\``

/** Three digits of it. */
export const number = (value: number) =>
  Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'unknown'

export const change = (before: number, after: number) => `${number(before)} ⇒ ${number(after)}`

export const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`

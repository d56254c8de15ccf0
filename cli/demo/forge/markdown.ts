import { zonePicture } from './zone-picture.ts'

/** As much of Markdown as suggestions have, as HTML: headings, tables, lists, fenced code, bold, code, links. Nothing in it becomes
 *  markup of its own. Pure. */
export function markdown(text: string): string {
  const lines = text.replaceAll(/<!--[\s\S]*?-->/g, '').split(/\r?\n/)
  const out: string[] = []
  while (lines.length > 0) {
    const line = lines.shift()!
    const fence = /^```(\w*)/.exec(line)
    const heading = /^(#{1,6}) (.*)/.exec(line)
    if (fence) {
      const inside = taken(lines, each => !each.startsWith('```'))
      lines.shift()
      out.push(fence[1] === 'mermaid' ? zonePicture(inside) : `<pre>${escaped(inside.join('\n'))}</pre>`)
    } else if (heading) out.push(`<h3>${inline(heading[2]!)}</h3>`)
    else if (line.startsWith('|')) {
      const rows = [line, ...taken(lines, each => each.startsWith('|'))].map(cells)
      const body = rows
        .slice(2)
        .map(row => `<tr>${row.map(cell => `<td>${inline(cell)}</td>`).join('')}</tr>`)
      const head = rows[0]!.map(cell => `<th>${inline(cell)}</th>`).join('')
      out.push(`<table><tr>${head}</tr>${body.join('')}</table>`)
    } else if (/^[-*] /.test(line)) {
      const items = [line, ...taken(lines, each => /^[-*] /.test(each))]
      out.push(`<ul>${items.map(item => `<li>${inline(item.slice(2))}</li>`).join('')}</ul>`)
    } else if (line.trim() !== '') out.push(`<p>${inline(line)}</p>`)
  }
  return out.join('\n')
}

export const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const inline = (text: string) =>
  escaped(text)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<b>$1</b>')
    .replaceAll(/\[([^\]]+)\]\((https?:[^)\s]+)\)/g, '<a href="$2">$1</a>')

/** Of a row of a table; `\|` is no border. */
const cells = (row: string) =>
  row
    .replace(/^\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map(cell => cell.trim().replaceAll('\\|', '|'))

function taken(lines: string[], holds: (line: string) => boolean): string[] {
  const end = lines.findIndex(line => !holds(line))
  return lines.splice(0, end < 0 ? lines.length : end)
}

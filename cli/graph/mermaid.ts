import { labelOf, type Picture } from './picture.ts'

const shapes = { source: ['([', '])'], function: ['[', ']'], sink: ['[/', '/]'] } as const

/** https://mermaid.js.org/syntax/flowchart.html: GitHub and GitLab draw it in Markdown. */
export function mermaid({ nodes, edges }: Picture): string {
  const id = (name: string) => `n${nodes.findIndex(node => node.name === name)}`
  return [
    'flowchart LR',
    ...nodes.map(({ name, kind }) => `  ${id(name)}${shapes[kind][0]}"${name}"${shapes[kind][1]}`),
    ...edges.map(edge => {
      const label = labelOf(edge)
      return `  ${id(edge.from)} -->${label && `|"${label}"|`} ${id(edge.to)}`
    }),
  ].join('\n')
}

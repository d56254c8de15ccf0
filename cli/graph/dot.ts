import { labelOf, type Picture } from './picture.ts'

const shapes = { source: 'oval', function: 'box', sink: 'parallelogram' }

/** https://graphviz.org/doc/info/lang.html */
export function dot({ name, nodes, edges }: Picture): string {
  const quote = (text: string) => JSON.stringify(text)
  return [
    `digraph ${quote(name)} {`,
    '  rankdir=LR',
    '  node [fontname="sans-serif"]',
    ...nodes.map(node => `  ${quote(node.name)} [shape=${shapes[node.kind]}]`),
    ...edges.map(edge => {
      const label = labelOf(edge)
      return `  ${quote(edge.from)} -> ${quote(edge.to)}${label && ` [label=${quote(label)}]`}`
    }),
    '}',
  ].join('\n')
}

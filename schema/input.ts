import type { Input } from './flow.ts'

/** `average.hot` is the output `hot` of `average`; a name alone is its default output. */
export function parseInput(text: string): Input {
  const dot = text.indexOf('.')
  return dot === -1
    ? { node: text, output: 'default' }
    : { node: text.slice(0, dot), output: text.slice(dot + 1) }
}

export const showInput = ({ node, output }: Input) => (output === 'default' ? node : `${node}.${output}`)

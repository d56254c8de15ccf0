import { showInput } from '../input.ts'
import { didYouMean, listed, suggest } from '../suggest.ts'
import type { Edge } from './edge-module.ts'

interface Words {
  code: string
  message: string
  hint: string
}

/** What the compiler says of an edge, in terms of its two functions. Where its words are not known here, they are
 *  passed on as they are. */
export function mismatch(edge: Edge, lines: string[]): Words {
  const producer = showInput(edge.from)
  const consumer = edge.consumer.name
  const [, gives, takes] = /^Type '\[(.*)\]' is not assignable to type '\[(.*)\]'\.$/.exec(lines[0]!) ?? []
  const why = reason(lines.slice(1))
  const both = `\`${producer}\` gives ${short(gives)}, but \`${consumer}\` takes ${short(takes)}`
  return {
    code: 'edge-type',
    message:
      gives === undefined
        ? `\`${consumer}\` can't take what \`${producer}\` gives: ${lines[0]}`
        : `${both}${why && `: ${why}`}.`,
    hint: hint(edge, takes ?? '', lines),
  }
}

function hint(edge: Edge, takes: string, lines: string[]): string {
  if (/\bDate\b/.test(takes) && lines.some(line => /'string' is not assignable to type 'Date'/.test(line))) {
    return `Records travel as JSON, where a Date becomes text: take a string in \`${edge.consumer.name}\`, and make a Date of it there.`
  }
  const producer = 'type' in edge.producer ? 'read something else' : `change what \`${edge.from.node}\` gives`
  return `Change what \`${edge.consumer.name}\` takes, or ${producer}.`
}

/** A declared set of outputs that doesn't have the one which is read. */
export function undeclared(edge: Edge, lines: string[]): Words {
  const names = choices(lines)
  const { node, output } = edge.from
  const near = suggest(output, names)
  const choice = names.length === 0 ? 'It declares none.' : `It declares ${listed(names)}.`
  return {
    code: 'unknown-output',
    message: `\`${node}\` declares no output \`${output}\`.`,
    hint:
      near === undefined
        ? `${choice} Declare it: Context<{ outputs: { ${output}: … } }>.`
        : `Did you mean \`${node}.${near}\`?`,
  }
}

/** Records that can't have the field which is their key. */
export function withoutKey(edge: Edge, lines: string[]): Words {
  const names = choices(lines)
  const { path } = edge.key!
  const choice = names.length === 0 ? 'It has no fields.' : `Its fields are ${listed(names)}.`
  return {
    code: 'unknown-key-field',
    message: `What \`${showInput(edge.from)}\` gives has no field \`${path}\`, by which \`${edge.consumer.name}\` is keyed.`,
    hint: didYouMean(path, names, choice),
  }
}

/** The strings that would have been right. */
function choices([first = '']: string[]): string[] {
  const [, union = ''] = /is not assignable to type '([^']*)'/.exec(first) ?? []
  return [...union.matchAll(/"([^"]+)"/g)].map(match => match[1]!)
}

/** The innermost explanation, with the path of fields that leads to it. */
function reason(lines: string[]): string {
  const path: string[] = []
  for (const line of lines) {
    const field = /^(?:Types of property '(.+)' are|The types of '(.+)' are) incompatible/.exec(line)
    if (field) path.push(field[1] ?? field[2]!)
  }
  const last = lines.at(-1) ?? ''
  const missing = /^Property '(.+?)' is missing in type/.exec(last)
  if (missing) return `${[...path, missing[1]].join('.')} is missing`
  const several = /is missing the following properties from type '.*': (.+?)(?:, and (\d+) more\.)?$/.exec(
    last,
  )
  if (several)
    return `${path.concat('').join('.')}${several[1]}${several[2] ? ` and ${several[2]} more` : ''} are missing`
  const unlike = /^Type '(.+)' is not assignable to type '(.+)'\.$/.exec(last)
  if (unlike && path.length > 0) return `${path.join('.')} is ${short(unlike[1])}, not ${short(unlike[2])}`
  return unlike ? '' : last.replace(/\.$/, '')
}

const maxLength = 160

/** `{ room: string; }` as a person writes it, cut where it would fill the screen. */
function short(type = ''): string {
  const text = type.replaceAll('; }', ' }')
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text
}

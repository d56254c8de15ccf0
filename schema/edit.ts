import { isDeepStrictEqual } from 'node:util'
import { constructFromEvents, load, parseEvents, YAMLException } from 'js-yaml'
import { applied, type Change } from './edit/change.ts'
import { added, entryOf, removed } from './edit/mapping.ts'
import { type Entry, type Mapping, type Scalar, type Tree, treeOf } from './edit/tree.ts'
import { Problem } from './problem.ts'
import { SourceText } from './source-text.ts'

/** Where something is to run; with neither, nothing is decided. */
export interface Decision {
  zone?: string
  node?: string
}

/** The text of a `dataflow.yaml` with `placement.zone` and `placement.node` of some sources, functions or sinks as
 *  decided, and all else as it is: comments, order, quotes, indentation, line endings.
 *  @param decisions by name; they replace what is decided there
 *  @throws Problem where there is no such name, or the file has a shape that can't be edited without a person
 *
 *  @example editPlacement('functions:\n  parse: { from: in } # fast\n', { parse: { zone: 'cloud' } })
 *  // 'functions:\n  parse: { from: in, placement: { zone: cloud } } # fast\n' */
export function editPlacement(text: string, decisions: Record<string, Decision>): string {
  const bom = text.startsWith('\uFEFF') ? '\uFEFF' : ''
  return bom + Object.entries(decisions).reduce(edited, text.slice(bom.length))
}

/** Those of some sources, functions or sinks for which a file decides where they run. @throws Problem */
export function decidersOf(text: string, names: readonly string[]): string[] {
  return names.filter(name => {
    const { found } = read(new SourceText('dataflow.yaml', text.replace(/^\uFEFF/, '')), name)
    const placement = found.value.type === 'mapping' ? entryOf(found.value, 'placement')?.value : undefined
    return (
      placement?.type === 'mapping' &&
      placement.entries.some(entry => entry.name === 'zone' || entry.name === 'node')
    )
  })
}

// What two changes touch, one after the other: a name and a value, two entries to take out.
const maxSteps = 6

function edited(text: string, [name, decision]: [string, Decision]): string {
  const original = new SourceText('dataflow.yaml', text)
  const { value, found } = read(original, name)
  let now = original
  for (let step = 0; step < maxSteps; step++) {
    const changes = decided(now, name, read(now, name).found, decision)
    if (changes.length === 0) break
    now = new SourceText('dataflow.yaml', applied(now.text, changes))
  }
  if (isDeepStrictEqual(plain(parsed(now.text), name), plain(intended(value, name, decision), name)))
    return now.text
  const why = 'anchors, aliases or merge keys tie it to other parts'
  throw refusal(original, name, found, decision, why)
}

const sections = ['sources', 'functions', 'sinks']

function read(source: SourceText, name: string): { value: unknown; found: Entry } {
  try {
    const events = parseEvents(source.text, {})
    const found = find(treeOf(source.text, events), name)
    if (found) return { found, value: constructFromEvents(events, { source: source.text, json: true })[0] }
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const { line } = source.position(error.mark?.position ?? 0)
    throw new Problem('InvalidYaml', `line ${line} is not valid YAML: ${error.reason}`, {
      disposition: 'stalled',
      hint: 'Mend it first: `dyninka validate` says more.',
    })
  }
  throw new Problem('NoSuchFunction', `there is no source, function or sink \`${name}\` in this file`, {
    disposition: 'stalled',
  })
}

function parsed(text: string): unknown {
  try {
    return load(text, { json: true })
  } catch {
    return undefined
  }
}

function find(tree: Tree | undefined, name: string): Entry | undefined {
  if (tree?.type !== 'mapping') return undefined
  for (const section of sections) {
    const entries = entryOf(tree, section)?.value
    const found = entries?.type === 'mapping' ? entryOf(entries, name) : undefined
    if (found) return found
  }
  return undefined
}

/** What to change for one of them. */
function decided(source: SourceText, name: string, found: Entry, decision: Decision): Change[] {
  const { text } = source
  const spec = found.value
  const given = Object.entries(decision).filter(([, value]) => value !== undefined) as [string, string][]
  const whole = `{ ${given.map(([key, value]) => `${key}: ${written(value)}`).join(', ')} }`
  const refuse = (why: string) => refusal(source, name, found, decision, why)
  if (spec.type === 'scalar' && isNothing(text, spec))
    return given.length === 0 ? [] : [filled(text, spec, `{ placement: ${whole} }`)]
  if (spec.type !== 'mapping') throw refuse('it is not written out here')
  const placement = entryOf(spec, 'placement')
  if (!placement) {
    if (given.length === 0) return []
    return added(text, spec, `placement: ${whole}`) ?? fail(refuse('its keys do not begin their lines'))
  }
  const { value } = placement
  if (value.type === 'scalar' && isNothing(text, value))
    return given.length === 0 ? [] : [filled(text, value, whole)]
  if (value.type !== 'mapping') throw refuse('its placement is not written out here')
  const others = value.entries.filter(({ name }) => name !== 'zone' && name !== 'node')
  if (given.length === 0 && others.length === 0 && value.entries.length > 0)
    return emptied(text, spec, placement, value)
  return rewritten(text, value, given) ?? fail(refuse('the keys of its placement do not begin their lines'))
}

/** Keeps the lines that are there: `zone: a` becomes `node: b` in place. */
function rewritten(text: string, mapping: Mapping, given: [string, string][]): Change[] | undefined {
  const spare = mapping.entries.filter(
    ({ name }) => (name === 'zone' || name === 'node') && !given.some(([key]) => key === name),
  )
  const changes: Change[] = []
  for (const [key, value] of given) {
    const there = entryOf(mapping, key)
    const taken = there ?? spare.shift()
    if (!taken) {
      const more = added(text, mapping, `${key}: ${written(value)}`)
      return more && [...changes, ...more]
    }
    if (!there) changes.push({ from: taken.key.start, to: taken.key.end, text: key })
    const { start, end } = taken.value
    const quote = taken.value.type === 'scalar' ? taken.value.quote : ''
    const gap = start === end && !/\s/.test(text[start - 1] ?? '') ? ' ' : ''
    const now = gap + written(value, quote)
    if (text.slice(start, end) !== now) changes.push({ from: start, to: end, text: now })
  }
  const [first] = spare
  return first ? [...changes, ...removed(text, mapping, first)] : changes
}

/** Nothing is left of a placement: it goes, unless somebody has written a comment there. */
function emptied(text: string, spec: Mapping, placement: Entry, value: Mapping): Change[] {
  const { start } = placement.key
  if (!text.slice(start, value.end).includes('#')) return removed(text, spec, placement)
  const gone = removed(text, value, value.entries[0]!)
  if (value.isFlow || value.entries.length > 1) return gone
  const colon = text.indexOf(':', placement.key.end) + 1
  return [{ from: colon, to: colon, text: ' {}' }, ...gone]
}

const isNothing = (text: string, { start, end, isEmpty }: Scalar) =>
  isEmpty || /^(~|null|Null|NULL)$/.test(text.slice(start, end))

const filled = (text: string, { start, end }: Scalar, value: string): Change => ({
  from: start,
  to: end,
  text: /\s/.test(text[start - 1] ?? ' ') ? value : ` ${value}`,
})

/** In the quotes that were there; else in none, unless YAML would read something else than text. */
function written(value: string, quote = ''): string {
  if (quote === "'") return `'${value.replaceAll("'", "''")}'`
  const isPlain = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(value) && load(value) === value
  return quote === '"' || !isPlain ? JSON.stringify(value) : value
}

interface Specs {
  [section: string]: Record<string, { placement?: Record<string, unknown> | null } | null> | undefined
}

/** What the file should say then. */
function intended(value: unknown, name: string, decision: Decision): unknown {
  const wanted = copied(value) as Specs
  const section = sections.find(section => Object.hasOwn(wanted[section] ?? {}, name))
  const specs = wanted[section!]!
  const { zone: _, node: __, ...rest } = specs[name]?.placement ?? {}
  specs[name] = { ...specs[name], placement: { ...rest, ...decision } }
  return wanted
}

/** For a comparison: a placement that says nothing is none. */
function plain(value: unknown, name: string): unknown {
  const copy = copied(value ?? null) as Specs | null
  for (const section of sections) {
    const specs = copy?.[section]
    if (!specs || !Object.hasOwn(specs, name)) continue
    const { placement, ...rest } = specs[name] ?? {}
    specs[name] = Object.keys(placement ?? {}).length > 0 ? { ...rest, placement: placement! } : rest
  }
  return copy
}

/** Without anything that two parts share. */
const copied = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

function refusal(source: SourceText, name: string, found: Entry, decision: Decision, why: string): Problem {
  const { line } = source.position(found.key.start)
  const wanted = Object.entries(decision).map(([key, value]) => `${key}: ${written(value)}`)
  const hint =
    wanted.length === 0
      ? `Take zone and node out of the placement of \`${name}\` by hand.`
      : `Write it by hand, in \`${name}\`: \`placement: { ${wanted.join(', ')} }\`, beside what its placement has already.`
  return new Problem('CannotEdit', `\`${name}\` (line ${line}) can't be edited safely: ${why}`, {
    disposition: 'stalled',
    hint,
  })
}

function fail(problem: Problem): never {
  throw problem
}

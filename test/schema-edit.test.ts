import fc from 'fast-check'
import { load } from 'js-yaml'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Decision, editPlacement } from '../schema/edit.ts'
import { Problem } from '../schema/problem.ts'

// The same cases each time; another seed finds others.
const seed = Number(process.env.SEED ?? 1)

const Edit = suite('schema: edit')

const edits: [title: string, before: string, decision: Decision, after: string][] = [
  [
    'replaces the zone',
    'f:\n  placement:\n    zone: edge # near the sensors\n  from: in\n',
    { zone: 'cloud' },
    'f:\n  placement:\n    zone: cloud # near the sensors\n  from: in\n',
  ],
  [
    'makes a zone a node in place',
    'f: { from: in, placement: { zone: edge, prefer: [] } }\n',
    { node: 'server' },
    'f: { from: in, placement: { node: server, prefer: [] } }\n',
  ],
  [
    'keeps one of two',
    'f:\n  placement:\n    node: server\n    zone: edge\n    keep: true\n',
    { zone: 'cloud' },
    'f:\n  placement:\n    zone: cloud\n    keep: true\n',
  ],
  [
    'adds what is not there, in the style of the mapping',
    'f:\n   from: in   # all\n   # the end\n\ng: {from: f}\n',
    { zone: 'cloud' },
    'f:\n   from: in   # all\n   placement: { zone: cloud }\n   # the end\n\ng: {from: f}\n',
  ],
  [
    'adds to a placement that is there',
    'f:\n  placement:\n    keep: true\n    require:\n      arch: [arm]\n  from: in',
    { zone: 'cloud' },
    'f:\n  placement:\n    keep: true\n    require:\n      arch: [arm]\n    zone: cloud\n  from: in',
  ],
  ['adds to what is empty', 'f:\n', { zone: 'cloud' }, 'f: { placement: { zone: cloud } }\n'],
  [
    'fills an empty placement',
    'f:\n  placement: # soon\n  from: in\n',
    { node: 'n' },
    'f:\n  placement: { node: n } # soon\n  from: in\n',
  ],
  [
    'gives a line to what has lines in { }',
    'f: {\n    from: in, # all\n    key: a # of them\n  }\n',
    { zone: 'cloud' },
    'f: {\n    from: in, # all\n    key: a, # of them\n    placement: { zone: cloud }\n  }\n',
  ],
  [
    'passes over text of several lines',
    'f:\n  env:\n    A: |\n      b\n\n  from: in\n',
    { zone: 'cloud' },
    'f:\n  env:\n    A: |\n      b\n\n  from: in\n  placement: { zone: cloud }\n',
  ],
  [
    'does not fall into text of several lines',
    'f:\n  from: in\n  env:\n    A: |+\n      b\n\n',
    { zone: 'cloud' },
    'f:\n  from: in\n  placement: { zone: cloud }\n  env:\n    A: |+\n      b\n\n',
  ],
  [
    'keeps quotes, and the line endings of Windows',
    "f:\r\n  placement:\r\n    zone: 'edge'\r\n",
    { zone: 'cloud', node: '12' },
    'f:\r\n  placement:\r\n    zone: \'cloud\'\r\n    node: "12"\r\n',
  ],
  [
    'quotes what YAML would read as something else',
    'f: { placement: { zone: edge } }\n',
    { zone: 'true' },
    'f: { placement: { zone: "true" } }\n',
  ],
  [
    'takes a decision out with its line',
    'f:\n  placement:\n    zone: edge\n    keep: true\n  from: in\n',
    {},
    'f:\n  placement:\n    keep: true\n  from: in\n',
  ],
  ['takes an empty placement out', 'f:\n  placement:\n    zone: edge\n  from: in\n', {}, 'f:\n  from: in\n'],
  [
    'takes no comment out',
    'f:\n  placement: # decided\n    zone: edge # by Ada\n  from: in\n',
    {},
    'f:\n  placement: {} # decided\n    # by Ada\n  from: in\n',
  ],
  [
    'leaves what says it already',
    'f: {placement: {zone: edge}}',
    { zone: 'edge' },
    'f: {placement: {zone: edge}}',
  ],
  [
    'writes in place of an alias',
    'a: &z edge\nf: { placement: { zone: *z } }\n',
    { zone: 'cloud' },
    'a: &z edge\nf: { placement: { zone: cloud } }\n',
  ],
  [
    'leaves an anchor that nobody uses',
    'f: &f { from: in, placement: &p { zone: &z edge } }\n',
    { zone: 'cloud' },
    'f: &f { from: in, placement: &p { zone: &z cloud } }\n',
  ],
]

const within = (text: string, eol = text.includes('\r\n') ? '\r\n' : '\n') =>
  `functions:${eol}${text.replaceAll(/^(?=.)/gm, '  ')}`

for (const [title, before, decision, after] of edits) {
  Edit(title, () => {
    assert.is(editPlacement(within(before), { f: decision }), within(after))
  })
}

const refused: [title: string, text: string, reason: string, hint: RegExp][] = [
  [
    'an alias in place of a placement',
    'functions:\n  g: { placement: &p { zone: a } }\n  f: { placement: *p }\n',
    'CannotEdit',
    /Write it by hand, in `f`: `placement: { zone: cloud }`/,
  ],
  [
    'a placement that another one is an alias of',
    'functions:\n  f: { placement: &p { zone: a } }\n  g: { placement: *p }\n',
    'CannotEdit',
    /by hand/,
  ],
  [
    'a zone that another one is an alias of',
    'functions:\n  f: { placement: { zone: &z a } }\n  g: { placement: { zone: *z } }\n',
    'CannotEdit',
    /by hand/,
  ],
  ['a list in place of a function', 'functions:\n  f: [a]\n', 'CannotEdit', /by hand/],
  ['keys with a question mark', 'functions:\n  f:\n    ? from\n    : in\n', 'CannotEdit', /by hand/],
  ['what is no YAML', 'functions: {', 'InvalidYaml', /validate/],
  ['a name that is not there', 'functions: { g: {} }', 'NoSuchFunction', /^$/],
]

for (const [title, text, reason, hint] of refused) {
  Edit(`refuses ${title}`, () => {
    try {
      editPlacement(text, { f: { zone: 'cloud' } })
    } catch (error) {
      assert.ok(error instanceof Problem, String(error))
      assert.is(error.reason, reason)
      assert.match(error.hint ?? '', hint)
      return
    }
    assert.unreachable('it was edited')
  })
}

const word = fc.constantFrom('edge', 'cloud', 'edge-lyon', 'n1', '12', '1.5', 'true', 'null', '0x1f', 'a.b')
const quoted = fc.tuple(word, fc.constantFrom('', "'", '"')).map(([word, quote]) => {
  const needed = load(word) === word ? quote : quote || "'"
  return `${needed}${word}${needed}`
})
const aside = fc.constantFrom('', '', ' # said', '   # and {why}: [x]', ' # "')
const remark = fc.constantFrom('', '', '# remark', '# zone: not this one', '')

interface Doc {
  lines: string[]
  isLine: boolean
}

/** Pieces of a placement, each `key: value`. */
const pieces = fc
  .record({
    zone: fc.option(quoted),
    node: fc.option(quoted),
    others: fc.subarray([
      'keep: true',
      'apart: [g]',
      'prefer: [{ zone: x, weight: 3 }]',
      'require: {arch: [arm]}',
    ]),
    last: fc.boolean(),
  })
  .map(({ zone, node, others, last }) => {
    const own = [...(zone ? [`zone: ${zone}`] : []), ...(node ? [`node: ${node}`] : [])]
    return last ? [...others, ...own] : [...own, ...others]
  })

const flowOf = (parts: string[], tight: boolean) =>
  tight ? `{${parts.join(', ')}}` : parts.length === 0 ? '{ }' : `{ ${parts.join(', ')} }`

/** The text of a function named `name`, below its section. */
const functionText = (name: string) =>
  fc
    .record({
      placement: fc.option(pieces),
      style: fc.constantFrom('block', 'block', 'flow', 'tight', 'lines'),
      inner: fc.constantFrom('block', 'flow', 'tight', 'empty'),
      at: fc.nat(3),
      asides: fc.array(aside, { minLength: 8, maxLength: 8 }),
      remarks: fc.array(remark, { minLength: 4, maxLength: 4 }),
      indent: fc.constantFrom('  ', '    ', ' '),
      ending: fc.constantFrom('', '', 'env: { A: "#1" }', 'env:\n+A: |\n++x\n', 'env:\n+A: >-\n++zone: y'),
    })
    .map(({ placement, style, inner, at, asides, remarks, indent, ending }): Doc => {
      const flat = ['code: f.js', 'from: in']
      const parts = placement && (inner === 'empty' ? '' : flowOf(placement, inner === 'tight'))
      if (style === 'flow' || style === 'tight') {
        const all = parts === null ? flat : flat.toSpliced(at, 0, `placement: ${parts}`.trimEnd())
        return { lines: [`${name}: ${flowOf(all, style === 'tight')}${asides[0]}`], isLine: true }
      }
      if (style === 'lines') {
        const all = parts === null ? flat : flat.toSpliced(at, 0, `placement: ${parts}`.trimEnd())
        const rows = all.map((row, n) => `${indent}${row}${n < all.length - 1 ? ',' : ''}${asides[n]}`)
        return { lines: [`${name}: {${asides[5]}`, ...rows, `${indent}}${asides[6]}`], isLine: false }
      }
      const block =
        placement && inner === 'block' && placement.length > 0
          ? [`placement:${asides[4]}`, ...placement.map((row, n) => `${indent}${row}${asides[n] ?? ''}`)]
          : parts === null
            ? []
            : [`${`placement: ${parts}`.trimEnd()}${asides[3]}`]
      const rows = [`code: f.js${asides[1]}`, `from: in${asides[2]}`]
      const all = [...rows.slice(0, at), ...block, ...rows.slice(at)]
      const more = ending === '' ? [] : ending.replaceAll('+', indent).split('\n')
      const commented = [...all, ...more].map(row => (row === '' ? row : indent + row))
      return {
        lines: [`${name}:${asides[7]}`, ...(remarks[0] ? [indent + remarks[0]] : []), ...commented],
        isLine: false,
      }
    })

const documents = fc
  .record({
    f: functionText('f'),
    g: functionText('g'),
    h: functionText('h'),
    eol: fc.constantFrom('\n', '\n', '\r\n'),
    head: remark,
    foot: remark,
    isEnded: fc.boolean(),
    indent: fc.constantFrom('  ', ' ', '    '),
  })
  .map(({ f, g, h, eol, head, foot, isEnded, indent }) => {
    const below = [f, g].flatMap(({ lines }) => lines.map(line => (line === '' ? line : indent + line)))
    const sinks = h.lines.map(line => (line === '' ? line : indent + line))
    const lines = ['name: x', head, 'functions:', ...below, foot, 'sinks:', ...sinks]
    return lines.join(eol) + (isEnded ? eol : '')
  })

const decision = fc.constantFrom<(a: string, b: string) => Decision>(
  zone => ({ zone }),
  node => ({ node }),
  (zone, node) => ({ zone, node }),
  () => ({}),
)
const choice = fc.tuple(decision, word, word).map(([make, a, b]) => make(a, b))

interface Parsed {
  [section: string]: Record<string, { placement?: object | null; env?: object }>
}

/** What a person would have written, going by the value alone. */
function wanted(text: string, decisions: Record<string, Decision>) {
  const value = load(text) as Parsed
  for (const [name, decision] of Object.entries(decisions)) {
    const section = name === 'h' ? value.sinks! : value.functions!
    const { placement, ...rest } = section[name]!
    const { zone: _, node: __, ...others } = (placement ?? {}) as Decision
    const now = { ...others, ...decision }
    section[name] = Object.keys(now).length > 0 ? { ...rest, placement: now } : rest
  }
  return value
}

function withoutEmpty(value: Parsed): Parsed {
  for (const section of [value.functions!, value.sinks!]) {
    for (const spec of Object.values(section)) {
      if (Object.keys(spec.placement ?? {}).length === 0) delete spec.placement
    }
  }
  return value
}

const comments = (text: string) => text.match(/(?<=\s)#.*?$/gm)?.map(comment => comment.trim()) ?? []

Edit('means what was asked for, keeps every comment, and touches no other line', () => {
  let edited = 0
  fc.assert(
    fc.property(
      documents,
      fc.dictionary(fc.constantFrom('f', 'g', 'h'), choice, { minKeys: 1, noNullPrototype: true }),
      (text, decisions) => {
        const result = editPlacement(text, decisions)
        assert.equal(withoutEmpty(load(result) as Parsed), withoutEmpty(wanted(text, decisions)))
        assert.equal(comments(result), comments(text))
        const lines = (text: string) => text.split('\n')
        // Every line of before is there in order, but for those that say where something runs.
        const after = lines(result)
        const kept = lines(text).filter(
          line => !/zone|node|placement|^ *[fgh]: \{|^ *(code|from): /.test(line),
        )
        let at = 0
        for (const line of kept) {
          const found = after.indexOf(line, at)
          const atEnd =
            found === -1 ? after.findIndex((row, n) => n >= at && row.trimEnd() === line.trimEnd()) : found
          assert.ok(atEnd >= 0, `${JSON.stringify(line)} is gone of\n${text}\n--\n${result}`)
          at = atEnd + 1
        }
        const extra = after.length - lines(text).length
        assert.ok(extra <= 2 * Object.keys(decisions).length && extra >= -4 * Object.keys(decisions).length)
        assert.is(result.includes('\r'), text.includes('\r'))
        assert.is(editPlacement(result, decisions), result)
        edited += result === text ? 0 : 1
      },
    ),
    { numRuns: 300, seed },
  )
  assert.ok(edited > 100, `only ${edited} texts were edited`)
})

Edit.run()

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../schema/index.ts'
import { around, makeFolder, marked, places, said } from './support/dataflow-folder.ts'

const Shape = suite<{ dir: string; remove(): Promise<void> }>('schema: shape')
Shape.before(async context => {
  Object.assign(context, await makeFolder({ 'f.js': 'export default x => x' }))
})
Shape.after(({ remove }) => remove())

/** What is expected stands in the text, before the place; then what is said, in the same order. */
const table: [title: string, sections: string, ...says: string[]][] = [
  [
    'an unknown key',
    'functions:\n  f: { code: f.js, from: in, «unknown-key»concurency: 2 }',
    'functions.f takes no key `concurency`. Did you mean `concurrency`?',
  ],
  [
    'an unknown key with no near miss',
    'sinks:\n  out: { from: f, log: {}, «unknown-key»colour: red }',
    'sinks.out takes no key `colour`. Keys here are from, mqtt, broker, retain, log, http, file, retry and placement.',
  ],
  [
    'a misspelt key that leaves out what is needed, once',
    'functions:\n  f: { code: f.js, «unknown-key»form: in }',
    'functions.f takes no key `form`. Did you mean `from`?',
  ],
  [
    'a misspelt kind, once',
    'sources:\n  in: { «unknown-key»mqqt: a/b }',
    'sources.in takes no key `mqqt`. Did you mean `mqtt`?',
  ],
  [
    'what is missing in a function',
    'functions:\n  «missing-key»«missing-key»f: {}',
    'functions.f has no `code`. Add `code`, for example `code: functions/parse.ts`.',
    'functions.f has no `from`. Add `from`, for example `from: parse`.',
  ],
  [
    'another version',
    'apiVersion: «unknown-value»dyninka.dev/v2',
    "apiVersion can't be `dyninka.dev/v2`. Did you mean `dyninka.dev/v1`?",
  ],
  [
    'text that YAML reads as a number',
    'functions:\n  f: { code: f.js, from: in, env: { MODE: «wrong-type»0644 } }',
    'functions.f.env.MODE must be text, but YAML reads `0644` as a number. Put it in quotes: "0644".',
  ],
  [
    'text that YAML reads as a boolean',
    'functions:\n  f: { code: f.js, from: in, placement: { require: { labels: { camera: «wrong-type»true } } } }',
    'functions.f.placement.require.labels.camera must be text, but YAML reads `true` as a boolean. Put it in quotes: "true".',
  ],
  [
    'a variable without a value',
    'functions:\n  f:\n    code: f.js\n    from: in\n    env:\n      «wrong-type»EMPTY:',
    'functions.f.env.EMPTY must be text, but nothing is written there. Write text, for example `"30"`.',
  ],
  [
    'an item without a value',
    'functions:\n  f:\n    code: f.js\n    from:\n      - in\n      - «wrong-type»~',
    'functions.f.from[1] must be text, but `~` stands for nothing. Write text, for example `average.hot`.',
  ],
  [
    'a null',
    'functions:\n  f: { code: f.js, from: «wrong-type»~ }',
    'functions.f.from must be text or a list, but `~` stands for nothing. Write text, for example `parse`.',
  ],
  [
    'a number in quotes',
    'sources:\n  in: { http: { port: «wrong-type»"8080" } }',
    'sources.in.http.port must be a whole number, but it is the text `8080`. Write it without quotes: 8080.',
  ],
  [
    'a fraction',
    'functions:\n  f: { code: f.js, from: in, concurrency: «wrong-type»1.5 }',
    'functions.f.concurrency must be a whole number, but YAML reads `1.5` as a number. Write a whole number.',
  ],
  [
    'a yes',
    'sinks:\n  out: { from: f, mqtt: a, retain: «wrong-type»yes }',
    'sinks.out.retain must be true or false, but it is the text `yes`. Write true or false, without quotes.',
  ],
  [
    'a list in place of a mapping',
    'functions:\n  «wrong-type»f:\n    - code: f.js',
    'functions.f must be a mapping, but it is a list. Write a mapping, for example `{ code: functions/average.ts, from: parse, key: room }`.',
  ],
  [
    'an empty section',
    '«empty»sources: {}',
    'sources is empty. Write at least one, for example `{ thermometers: { mqtt: sensors/+/temperature } }`.',
  ],
  [
    'a section with nothing under it',
    '«wrong-type»functions:',
    'functions must be a mapping, but nothing is written there. Write a mapping, for example `{ parse: { code: functions/parse.ts, from: thermometers } }`.',
  ],
  [
    'a source with nothing under it, once',
    'sources:\n  «wrong-type»in:',
    'sources.in must be a mapping, but nothing is written there. Write a mapping, for example `{ mqtt: sensors/+/temperature }`.',
  ],
  [
    'a source of no kind',
    'sources:\n  «missing-kind»in: { overflow: block }',
    'sources.in says none of `mqtt`, `every` and `http`. Add one of them, for example `{ mqtt: sensors/+/temperature }`.',
  ],
  [
    'a sink of two kinds',
    'sinks:\n  «several-kinds»out: { from: f, log: {}, file: x.ndjson }',
    'sinks.out says `log` and `file`, but it can be only one. Keep one, and write the other in an entry of its own.',
  ],
  [
    'a broker without MQTT',
    'sources:\n  in: { every: 1s, «key-without-other»broker: mqtt://b }',
    'sources.in.broker only goes with `mqtt`. Leave it out: it has no meaning without `mqtt`.',
  ],
  [
    'a name with capitals',
    'name: «bad-name»Room-Climate',
    "name can't be `Room-Climate`. Use lower-case letters, digits and hyphens; start with a letter, end with a letter or digit. For example `parse`.",
  ],
  [
    'the name of a function, which others may read from all the same',
    'functions:\n  «bad-name»my_f: { code: f.js, from: in }\nsinks:\n  out: { from: my_f, log: {} }',
    "`my_f` can't be a name in functions. Use lower-case letters, digits and hyphens; start with a letter, end with a letter or digit. For example `parse`.",
  ],
  [
    'a long name',
    `functions:\n  «too-long»${'a'.repeat(41)}: { code: f.js, from: in }`,
    'The name in functions is 41 characters long; the limit is 40. Shorten it.',
  ],
  [
    'a variable of our own',
    'functions:\n  f: { code: f.js, from: in, env: { «bad-value»DYNINKA_NODE: "x" } }',
    "`DYNINKA_NODE` can't be a name in functions.f.env. Use letters, digits and underscores, not a digit first. Names that start with DYNINKA_ are taken. For example `THRESHOLD`.",
  ],
  [
    'an interval without a unit',
    'sources:\n  in: { every: «wrong-type»10 }',
    'sources.in.every must be text, but YAML reads `10` as a number. Write a number and a unit with no space between: ms, s, m or h. For example `200ms`.',
  ],
  [
    'a duration in words',
    'functions:\n  f: { code: f.js, from: in, retry: { backoff: «bad-value»2 seconds } }',
    "functions.f.retry.backoff can't be `2 seconds`. Write a number and a unit with no space between: ms, s, m or h. For example `200ms`.",
  ],
  [
    'another language',
    'functions:\n  f: { code: «bad-value»f.py, from: in }',
    "functions.f.code can't be `f.py`. Write the path of a .ts, .mts, .js or .mjs file. For example `functions/parse.ts`.",
  ],
  [
    'a key that MQTT could not carry',
    'functions:\n  f: { code: f.js, from: in, key: «bad-value»room/# }',
    "functions.f.key can't be `room/#`. Write field names joined by dots, with no spaces and none of + # /. For example `room`.",
  ],
  [
    'an output that MQTT could not carry',
    'functions:\n  f: { code: f.js, from: «bad-value»in.a/b }',
    "functions.f.from can't be `in.a/b`. Write the name of a source or function, or name.output for a named output. For example `parse`.",
  ],
  [
    'a number out of range',
    'sources:\n  in: { http: { port: «out-of-range»70000 } }',
    'sources.in.http.port is `70000`, but it must be at most 65535. Write a number at most 65535.',
  ],
  [
    'an architecture by another name',
    'functions:\n  f: { code: f.js, from: in, placement: { require: { arch: [«unknown-value»x86_64, «unknown-value»toString] } } }',
    "functions.f.placement.require.arch[0] can't be `x86_64`. Did you mean `amd64`?",
    "functions.f.placement.require.arch[1] can't be `toString`. Write `amd64`, `arm64`, `arm`, `ppc64le`, `riscv64` or `s390x`.",
  ],
  [
    'a word that is not a choice',
    'sources:\n  in: { every: 1s, overflow: «unknown-value»drop }',
    "sources.in.overflow can't be `drop`. Write `block`, `drop-oldest` or `drop-newest`.",
  ],
  [
    'a secret twice',
    'functions:\n  f: { code: f.js, from: in, secrets: [A, «repeated»A] }',
    '`A` is in the list twice. Keep it once.',
  ],
  [
    'nothing to read from',
    'functions:\n  f: { code: f.js, from: «empty»[] }',
    'functions.f.from is empty. Write at least one, for example `parse`.',
  ],
  [
    'several mistakes, each once, in the order of the file',
    'functions:\n  f: { code: «wrong-type»1, from: in, «unknown-key»skale: { max: 4 } }\nsinks:\n  «missing-kind»out: { from: f }',
    'functions.f.code must be text, but YAML reads `1` as a number. Write the path of a .ts, .mts, .js or .mjs file. For example `functions/parse.ts`.',
    'functions.f takes no key `skale`. Did you mean `scale`?',
    'sinks.out says none of `mqtt`, `log`, `http` and `file`. Add one of them, for example `{ from: alarm, mqtt: building/alarms }`.',
  ],
]

for (const [title, sections, ...says] of table) {
  Shape(`finds ${title}`, async ({ dir }) => {
    const { text, expected } = marked(around(sections))
    await writeFile(join(dir, 'dataflow.yaml'), text)
    const { findings } = await load(dir, { types: false })
    assert.equal(said(findings), says)
    assert.equal(places(findings), expected)
  })
}

Shape('finds a misspelt section once, though its names are used', async ({ dir }) => {
  const { text, expected } = marked(`apiVersion: dyninka.dev/v1
name: test
sources: { in: { every: 1s } }
«unknown-key»fonctions: { f: { code: f.js, from: in } }
sinks: { out: { from: f, log: {} } }
`)
  await writeFile(join(dir, 'dataflow.yaml'), text)
  const { findings } = await load(dir, { types: false })
  assert.equal(said(findings), ['The file takes no key `fonctions`. Did you mean `functions`?'])
  assert.equal(places(findings), expected)
})

Shape.run()

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../schema/index.ts'
import { around, makeFolder, marked, places, said } from './support/dataflow-folder.ts'

const Rules = suite<{ dir: string; remove(): Promise<void> }>('schema: rules')
Rules.before(async context => {
  Object.assign(context, await makeFolder({ 'f.js': 'export default x => x' }))
})
Rules.after(({ remove }) => remove())

const table: [title: string, sections: string, ...says: string[]][] = [
  [
    'a misspelt producer',
    'functions:\n  parse: { code: f.js, from: in }\n  average: { code: f.js, from: «unknown-from»prase }',
    'There is no source or function `prase`. Did you mean `parse`?',
  ],
  [
    'an unknown producer in a list',
    'sinks:\n  out: { from: [f, «unknown-from»nothing-like-it.hot], log: {} }',
    'There is no source or function `nothing-like-it`. What can be read here: in and f.',
  ],
  [
    'a relaxed retry without a key',
    'functions:\n  f: { code: f.js, from: in, retry: { order: «relaxed-without-key»relaxed } }',
    'This function has no key, so no record may pass one that failed. Give it a `key`, or write `strict`.',
  ],
  [
    'a relaxed retry of a sink',
    'sinks:\n  out: { from: f, http: { url: "http://localhost/" }, retry: { order: «relaxed-without-key»relaxed } }',
    'A sink has no key, so no record may pass one that failed. Write `strict`, or leave it out.',
  ],
  [
    'reading from a sink',
    'sinks:\n  out: { from: f, log: {} }\n  again: { from: «from-sink»out, log: {} }',
    '`out` is a sink: nothing can be read from it. Read from what the sink reads from.',
  ],
  [
    'a named output of a source',
    'functions:\n  f: { code: f.js, from: «unknown-output»in.hot }',
    '`in` is a source: it has no output `hot`. Write `in` instead of `in.hot`.',
  ],
  [
    'one input by two names',
    'functions:\n  f: { code: f.js, from: [in, «repeated»in.default] }',
    '`in.default` is read twice here. Keep it once.',
  ],
  [
    'one name for a source and a function',
    'sources:\n  f: { every: 1s }\nfunctions:\n  «duplicate-name»f: { code: f.js, from: f }',
    'The function `f` has the name of the source on line 4. Give one of the two another name.',
  ],
  [
    'one name for a function and a sink',
    'functions:\n  f: { code: f.js, from: in }\nsinks:\n  «duplicate-name»f: { from: f, log: {} }\nsources:\n  in: { every: 1s }',
    'The sink `f` has the name of the function on line 4. Give one of the two another name.',
  ],
  [
    'a function that reads itself',
    'functions:\n  f: { code: f.js, from: [in, «cycle»f.again] }',
    'Records would go round in a circle: f → f. Take one of these out of a `from`, or send what comes back to a topic of its own with a sink.',
  ],
  [
    'a cycle, once, with its path in the direction of the records',
    'functions:\n  a: { code: f.js, from: [in, c] }\n  b: { code: f.js, from: «cycle»a }\n  c: { code: f.js, from: b.x }',
    'Records would go round in a circle: a → b → c → a. Take one of these out of a `from`, or send what comes back to a topic of its own with a sink.',
  ],
  [
    'two cycles, both',
    'functions:\n  a: { code: f.js, from: b }\n  b: { code: f.js, from: [in, «cycle»a] }\n  c: { code: f.js, from: d }\n  d: { code: f.js, from: [in, «cycle»c] }',
    'Records would go round in a circle: a → b → a. Take one of these out of a `from`, or send what comes back to a topic of its own with a sink.',
    'Records would go round in a circle: c → d → c. Take one of these out of a `from`, or send what comes back to a topic of its own with a sink.',
  ],
  [
    'partitions that are no power of two',
    'functions:\n  f: { code: f.js, from: in, scale: { min: 1, max: «not-power-of-two»6 } }',
    'max is 6, but the number of partitions must be a power of two. Write 4 or 8.',
  ],
  [
    'more processes than partitions',
    'functions:\n  f: { code: f.js, from: in, scale: { min: «min-over-max»4, max: 2 } }',
    'min is 4, but max is 2. Write a max of at least 4: no more processes can share the work than there are partitions.',
  ],
  [
    'a min without a max',
    'functions:\n  f: { code: f.js, from: in, scale: { min: «min-over-max»3 } }',
    'min is 3, but max is 1 where it is not written. Write a max of at least 4: no more processes can share the work than there are partitions.',
  ],
  [
    'an interval of nothing, and one that no timer can count',
    'sources:\n  in: { every: «out-of-range»0s }\n  rare: { every: «out-of-range»1000h }',
    '0s is too short. Write a duration from 1ms to 500h.',
    '1000h is too long. Write a duration from 1ms to 500h.',
  ],
  [
    'no time to answer',
    'functions:\n  f: { code: f.js, from: in, retry: { timeout: «out-of-range»0ms, backoff: 0ms } }',
    '0ms is too short. Write a duration from 1ms to 500h.',
  ],
  [
    'a variable that is a secret as well',
    'functions:\n  f: { code: f.js, from: in, env: { TOKEN: "x" }, secrets: [«env-and-secret»TOKEN] }',
    '`TOKEN` is in env and in secrets. Keep it in one of the two: in secrets if it must not be in Git.',
  ],
  [
    'two sources on one port',
    'sources:\n  in: { http: { port: 80 } }\n  other: { http: { port: «port-taken»80, path: /other } }',
    'Port 80 is taken by the source `in`. Choose another port.',
  ],
  [
    'a # that is not the last level',
    'sources:\n  in: { mqtt: «bad-filter»a/#/b }',
    "`#` must be the last level, alone, but it isn't in `a/#/b`. Write `a/#`.",
  ],
  [
    'a # that is not alone',
    'sources:\n  in: { mqtt: «bad-filter»a/b# }',
    "`#` must be the last level, alone, but it isn't in `a/b#`. Write `a/#`.",
  ],
  [
    'a + that is not alone',
    'sources:\n  in: { mqtt: «bad-filter»sensor+/t }',
    '`+` stands for a whole level, but it is part of `sensor+`. Give it a level of its own between slashes, as in `sensors/+/temperature`.',
  ],
  [
    'a shared subscription',
    'sources:\n  in: { mqtt: «shared-subscription»$share/g/a }',
    'Shared subscriptions ($share/…) lose records when a member dies. Subscribe to the topic itself, and let `scale` of the function share the work.',
  ],
  [
    'a filter that reads all, the dataflow itself with it',
    'sources:\n  in: { mqtt: «reserved-topic»"#" }\n  two: { mqtt: «reserved-topic»+/+/data/# }\n  fine: { mqtt: +/+/temperature }',
    '`#` would also read what this dataflow itself sends. Name the first level, as in `sensors/#`.',
    '`+/+/data/#` would also read what this dataflow itself sends. Name the first level, as in `sensors/#`.',
  ],
  [
    'topics of the data plane',
    'sources:\n  in: { mqtt: «reserved-topic»dyninka/x }\nsinks:\n  out: { from: f, mqtt: «reserved-topic»dyninka/y }',
    'Topics under dyninka/ carry the dataflow itself. Choose another first level.',
    'Topics under dyninka/ carry the dataflow itself. Choose another first level.',
  ],
  [
    'a wildcard in the topic of a sink',
    'sinks:\n  out: { from: f, mqtt: «wildcard-in-topic»rooms/+/alarm }',
    'A sink publishes on one topic, but `rooms/+/alarm` has a wildcard. Write one topic. To choose a topic by record, use several sinks on named outputs.',
  ],
  [
    'a topic of the broker',
    'sinks:\n  out: { from: f, mqtt: «reserved-topic»$SYS/x }',
    'Topics that start with $, as `$SYS/x`, belong to the broker. Leave the $ out.',
  ],
  [
    'a control character in a topic',
    'sinks:\n  out: { from: f, mqtt: «bad-topic»"a\\u0000b" }',
    'This topic holds a control character. Take it out.',
  ],
  [
    'what a rule and the schema say of one function',
    'functions:\n  f: { code: f.js, from: «unknown-from»inn, «unknown-key»colour: 1, scale: { max: «not-power-of-two»3 } }',
    'There is no source or function `inn`. Did you mean `in`?',
    'functions.f takes no key `colour`. Keys here are code, from, key, scale, concurrency, retry, env, secrets, resources and placement.',
    'max is 3, but the number of partitions must be a power of two. Write 2 or 4.',
  ],
]

for (const [title, sections, ...says] of table) {
  Rules(`finds ${title}`, async ({ dir }) => {
    const { text, expected } = marked(around(sections))
    await writeFile(join(dir, 'dataflow.yaml'), text)
    const { findings } = await load(dir, { types: false })
    assert.equal(said(findings), says)
    assert.equal(places(findings), expected)
  })
}

Rules('finds secrets that are not set, where it is known which are', async ({ dir }) => {
  const { text, expected } = marked(
    around('functions:\n  f: { code: f.js, from: in, secrets: [GOOD, «secret-not-set»PASWORD] }'),
  )
  await writeFile(join(dir, 'dataflow.yaml'), text)
  const { findings } = await load(dir, { types: false, secrets: new Set(['GOOD', 'PASSWORD']) })
  assert.equal(places(findings), expected)
  assert.equal(said(findings), ['The secret `PASWORD` is not set. Did you mean `PASSWORD`?'])
  assert.equal((await load(dir, { types: false })).findings, [])
})

Rules(
  'has nothing against what nobody reads, filters of another broker, and a long chain',
  async ({ dir }) => {
    const chain = Array.from({ length: 2000 }, (_, n) => `  f${n}: { code: f.js, from: f${n + 1} }`)
    const text = around(
      `sources: { in: { every: 1s }, all: { mqtt: "#", broker: mqtts://elsewhere } }\nfunctions:\n${chain.join('\n')}\n  f2000: { code: f.js, from: in }`,
    )
    await writeFile(join(dir, 'dataflow.yaml'), text)
    const { flow, findings } = await load(dir, { types: false })
    assert.equal(findings, [])
    assert.is(flow!.nodes.at(-1)!.name, 'f0')
  },
)

Rules.run()
